//! `augment`: forwards what `train` asks for to `dataset`, and changes the training pictures that come back. Batches
//! of other splits pass as they are.

mod batch;

pub use batch::{AugmentError, augment};

use plugin_api::edges::Batches;
use plugin_api::{HomeArgs, Subset};
use plugin_augment::{AugmentOptions, Pipeline};
use plugin_harness::{Event, HasHome, Message, Node};
use std::time::Duration;

/// Changes training pictures at random, in a way that seed, epoch and picture decide.
#[derive(Debug, clap::Parser)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub home: HomeArgs,
    /// What is done to a picture.
    #[command(flatten)]
    pub augment: AugmentOptions,
}

impl HasHome for Config {
    fn home(&self) -> &HomeArgs {
        &self.home
    }
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`AugmentError`] when a message is not what the edge promises, or dora fails.
pub fn run(config: Config, node: &mut Node) -> Result<(), AugmentError> {
    let pipeline = Pipeline::new(&config.augment);
    node.status().state(format!("ready: {}", pipeline.names().join(", ")));
    loop {
        match node.recv(Duration::from_secs(1))? {
            Event::Message(message) if message.input == "demand" => {
                node.send_array("demand", &message.tag, message.array)?;
            }
            Event::Message(message) if message.input == "samples" => answer(&pipeline, message, node)?,
            Event::Stop => return Ok(()),
            Event::Message(_) | Event::Restarted(_) | Event::Timeout => {}
        }
    }
}

fn answer(pipeline: &Pipeline, message: Message, node: &mut Node) -> Result<(), AugmentError> {
    if !Subset::parse(message.tag.text("split")).is_some_and(Subset::is_trained_on) {
        node.status().add("batches_passed", 1);
        return Ok(node.send_array("batches", &message.tag, message.array)?);
    }
    let batch = augment(pipeline, &message.tag, message.read::<Batches>()?)?;
    node.status().add("batches_augmented", 1);
    Ok(node.send("batches", &message.tag, batch)?)
}
