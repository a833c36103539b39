//! Networks in use: images in, probabilities or features out.

pub mod extractor;
pub mod predictor;
