//! The node `inspect`.

fn main() {}
