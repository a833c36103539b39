//! Pictures to embeddings: a network's penultimate layer.
