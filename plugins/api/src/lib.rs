//! What every node and plugin of Wakuteka agrees on: Arrow edge contracts, message headers, the workspace folders,
//! the files of a run, and how files are written so that none is ever half there.
//!
//! This crate knows neither dora nor burn.

pub mod dataset_state;
pub mod decision;
pub mod decisions;
pub mod edge;
pub mod edges;
pub mod experiments;
pub mod files;
pub mod fixture;
pub mod header;
pub mod labels;
pub mod layout;
pub mod message;
pub mod names;
pub mod reject_reason;
pub mod resize_mode;
pub mod run_id;
pub mod runs;
pub mod select;
pub mod split;
pub mod status;
pub mod subset;
pub mod version;
pub mod workspace;

pub use dataset_state::DatasetState;
pub use decision::Decision;
pub use edge::{Edge, SchemaError};
pub use header::{Header, HeaderError, HeaderFields};
pub use labels::Labels;
pub use message::{Language, Message, Text};
pub use reject_reason::RejectReason;
pub use resize_mode::ResizeMode;
pub use split::Split;
pub use subset::{Fold, Selection, Subset};
pub use version::{ContentError, FileVersion};
pub use workspace::{Workspace, WorkspaceArgs};
