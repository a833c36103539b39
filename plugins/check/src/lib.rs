//! Checks of single pictures: too dark, too bright, blurred, without information, odd size, odd shape.
