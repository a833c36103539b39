//! A linear head on frozen embeddings, and its out-of-fold predictions.
