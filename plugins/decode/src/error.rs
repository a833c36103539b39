//! Why a file is not an image we can work with.

use plugin_api::RejectReason;

/// Why a file could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The file has no byte.
    #[error("the file is empty")]
    Empty,
    /// The file does not begin like any image.
    #[error("the file does not begin like any image format we know")]
    NotAnImage,
    /// A format, or a kind of it, that is not decoded.
    #[error("{what} is not decoded; save it as JPEG or PNG")]
    Unsupported {
        /// The format's name.
        what: String,
    },
    /// The file ends before the image does.
    #[error("the {format} file is cut off: {detail}")]
    Truncated {
        /// The format's name.
        format: &'static str,
        /// What the decoder says.
        detail: String,
    },
    /// The file breaks its format's rules.
    #[error("the {format} file is damaged: {detail}")]
    Corrupt {
        /// The format's name.
        format: &'static str,
        /// What the decoder says.
        detail: String,
    },
    /// The file or the image is over a limit.
    #[error("{what} is {size} {unit}, over the limit of {limit} ({option})")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Measured size, in `unit`.
        size: u64,
        /// The unit of `size` and `limit`.
        unit: &'static str,
        /// Largest size that is accepted, in `unit`.
        limit: u64,
        /// The option that sets the limit.
        option: &'static str,
    },
    /// The decoder panicked. The file is to blame as far as the user is concerned.
    #[error("the {format} decoder gave up on the file: {detail}")]
    Panicked {
        /// The format's name.
        format: &'static str,
        /// The panic's message.
        detail: String,
    },
}

impl DecodeError {
    /// The reason to reject the file with.
    pub const fn reason(&self) -> RejectReason {
        match self {
            Self::Empty => RejectReason::Empty,
            Self::NotAnImage => RejectReason::NotAnImage,
            Self::Unsupported { .. } => RejectReason::Unsupported,
            Self::Truncated { .. } => RejectReason::Truncated,
            Self::Corrupt { .. } => RejectReason::Corrupt,
            Self::TooLarge { .. } => RejectReason::TooLarge,
            Self::Panicked { .. } => RejectReason::Panicked,
        }
    }

    pub(crate) fn corrupt(format: &'static str, detail: impl Into<String>) -> Self {
        Self::Corrupt { format, detail: detail.into() }
    }

    pub(crate) fn truncated(format: &'static str, detail: impl Into<String>) -> Self {
        Self::Truncated { format, detail: detail.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }
}
