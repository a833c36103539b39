//! Wrong labels, found by confident learning from out-of-fold predictions.
