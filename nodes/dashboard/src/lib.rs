//! `dashboard`: a page to watch, review and decide on, beside the folders.
//!
//! Inputs `metrics`, `verdicts`, `snapshot`; no output. What the page shows is read from the files of the workspace, which the
//! nodes write before they send a message; a message says that it is time to look. So nothing is lost when one is, and the
//! page has the same to show after the node was killed. What the page does is done to files, as a person does by hand.
//! dora's events are read on a thread of their own, the web has another, and neither waits for the other.
//!
//! - [`web`]: the server, who may talk to it, and what it answers.
//! - [`now`]: what is going on.
//! - [`look`]: the data set, [`image_renderer`]: its images to show, [`model_cache`]: the champion's predictions of them.
//! - [`class_search`]: what nobody has labelled, by class.
//! - [`compare`]: runs beside each other.
//! - [`localized`]: what nodes tell people, in the languages of the page.
//! - [`decide`]: what a person decides, done to files, and undone.
//! - [`safe`]: the only ways to a file from outside.

pub mod class_search;
pub mod compare;
mod config;
pub mod decide;
mod error;
pub mod image_renderer;
pub mod localized;
pub mod look;
pub mod model_cache;
pub mod now;
pub mod safe;
pub mod web;

pub use config::Config;
pub use error::DashboardError;

use plugin_api::Labels;
use plugin_harness::{Event, HarnessError, Node};
use std::time::Duration;
use web::Web;

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`DashboardError`]; dora starts it again.
pub fn run(config: Config, node: &mut Node) -> Result<(), DashboardError> {
    let web = Web::start(config, node.workspace().clone())?;
    loop {
        let state = web.state();
        node.status().state(state);
        match node.recv(Duration::from_millis(200)) {
            Ok(Event::Stop) => return Ok(()),
            // What is new is read from the files, so a message more or less does not matter.
            Ok(Event::Message(message)) => {
                if message.input == "snapshot" {
                    web.set_labels(Labels::of(&message.header));
                }
                web.wake();
            }
            Err(HarnessError::Lost { .. }) => web.wake(),
            Ok(Event::Restarted(_) | Event::Timeout) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
