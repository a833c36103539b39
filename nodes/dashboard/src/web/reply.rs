//! What is answered when something is not as it should be.

use crate::localized::LocalizedText;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use plugin_api::Text;
use std::io::{self, ErrorKind};

/// Why there is no answer: a status, and a line for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Of HTTP.
    pub status: StatusCode,
    /// For a person.
    pub text: Text,
}

impl Problem {
    /// There is no such thing.
    pub fn missing(what: impl Into<Text>) -> Self {
        Self { status: StatusCode::NOT_FOUND, text: what.into() }
    }

    /// What was sent makes no sense.
    pub fn wrong(what: impl Into<Text>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text: what.into() }
    }

    /// It cannot be done as things stand.
    pub fn conflict(what: impl Into<Text>) -> Self {
        Self { status: StatusCode::CONFLICT, text: what.into() }
    }

    /// Something of ours failed.
    pub fn failed(what: impl std::fmt::Display) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, text: what.to_string().into() }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::FileTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::AlreadyExists => StatusCode::CONFLICT,
            ErrorKind::InvalidData => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, text: (&error).into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "problem": &*self.text, "told": LocalizedText::from(&self.text) }).to_string();
        (self.status, [("content-type", "application/json")], body).into_response()
    }
}

/// Work that reads or writes files, on a thread where it may take its time.
///
/// # Errors
/// Those of the work; [`Problem::failed`] when it panicked.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Problem::failed(error)))
}
