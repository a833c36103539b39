//! The node `exchange`.

fn main() {}
