//! The node `embed`.

fn main() {}
