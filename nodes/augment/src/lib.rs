//! `augment`: forwards what `train` asks for to `dataset`, and changes the training images that come back. Batches of other
//! splits pass as they are, and so do those from which all augmentations are withheld: `train` looks at them to find out which
//! augmentations work against the task, and withholds those from the run. The options travel with them in the header.
//!
//! Where a demand says that it takes decisions, images pass as they are, and what was drawn for them goes with them: `train` then
//! changes them on its device.

mod batch;

pub use batch::{AugmentError, augment, decide};

use plugin_api::edges::{AugmentationHeader, BatchHeader, Batches};
use plugin_api::{Subset, WorkspaceArgs};
use plugin_augment::{AugmentOptions, Pipeline, Withheld};
use plugin_harness::{Event, HasWorkspace, Message, Node};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

/// Changes training images at random, in a way that seed, epoch and image decide.
#[derive(Debug, clap::Parser)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// What is done to an image.
    #[command(flatten)]
    pub augment: AugmentOptions,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`AugmentError`] when a message is not what the edge promises, or dora fails.
pub fn run(config: Config, node: &mut Node) -> Result<(), AugmentError> {
    let mut pipelines = Pipelines::new(config.augment)?;
    node.status().state(plugin_api::Message::augment_ready(pipelines.of("")?.names().join(", ")));
    loop {
        match node.recv(Duration::from_secs(1))? {
            // `demand_2` … are those of more `train` side by side.
            Event::Message(message) if message.input.starts_with("demand") => {
                node.send_array("demand", &message.header, message.array)?;
            }
            Event::Message(message) if message.input == "samples" => answer(&mut pipelines, message, node)?,
            Event::Stop => return Ok(()),
            Event::Message(_) | Event::Restarted(_) | Event::Timeout => {}
        }
    }
}

fn answer(pipelines: &mut Pipelines, message: Message, node: &mut Node) -> Result<(), AugmentError> {
    let Some(of) = message.fields::<BatchHeader>() else { return Ok(()) };
    if !of.split.subset().is_some_and(Subset::is_trained_on) {
        node.status().add("batches_passed", 1);
        return Ok(node.send_array("batches", &message.header, message.array)?);
    }
    if of.withheld.parse() == Ok(Withheld::All) {
        node.status().add("batches_passed", 1);
        let header = message.header.clone().with(&pipelines.described);
        return Ok(node.send_array("batches", &header, message.array)?);
    }
    let (pipeline, batch) = (pipelines.of(&of.withheld)?, message.read::<Batches>()?);
    let batch = if of.decisions {
        node.status().add("batches_decided", 1);
        decide(pipeline, &of, batch)
    } else {
        augment(pipeline, &of, batch)?
    };
    node.status().add("batches_augmented", 1);
    Ok(node.send("batches", &message.header, batch)?)
}

/// The pipelines of what was withheld so far, by what the headers call it.
struct Pipelines {
    options: AugmentOptions,
    /// The options, as they are told.
    described: AugmentationHeader,
    built: BTreeMap<String, Pipeline>,
}

impl Pipelines {
    fn new(options: AugmentOptions) -> Result<Self, AugmentError> {
        let described = AugmentationHeader { options: serde_json::to_value(&options)? };
        Ok(Self { described, options, built: BTreeMap::new() })
    }

    fn of(&mut self, withheld: &str) -> Result<&Pipeline, AugmentError> {
        match self.built.entry(withheld.to_owned()) {
            Entry::Occupied(built) => Ok(built.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(Pipeline::new(&self.options, &withheld.parse()?))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn withheld_augmentations_are_left_out_or_named() {
        let mut pipelines = Pipelines::new(Config::parse_from(["augment", "--jitter", "on"]).augment).unwrap();
        for (withheld, names) in [
            ("", &["crop", "flip", "colour"][..]),
            ("flip", &["crop", "colour"]),
            ("colour", &["crop", "flip", "colour"]),
        ] {
            assert_eq!(pipelines.of(withheld).unwrap().names(), names, "{withheld}");
        }
        let error = pipelines.of("mirror").unwrap_err().to_string();
        assert!(error.contains("\"mirror\"") && error.contains("all, rotate, crop, flip, colour, erase"), "{error}");
        let told: AugmentOptions = serde_json::from_value(pipelines.described.options).unwrap();
        assert_eq!(told, pipelines.options);
    }
}
