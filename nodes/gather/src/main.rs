//! The node `gather`.

fn main() {}
