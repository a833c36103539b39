//! What lies in the watched folders, and when it changes. Knows nothing of messages.

pub mod disk;
pub mod ignore;
pub mod roots;
pub mod scan;
pub mod settle;
pub mod watcher;
pub mod writers;
