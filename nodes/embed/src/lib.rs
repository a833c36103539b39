//! `embed`: from hashed pictures to embeddings.
