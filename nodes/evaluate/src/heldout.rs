//! What `dataset` is asked for: the images of a split at one version of the data set, batch after batch.

use plugin_api::{Selection, Split, Subset};
use plugin_harness::{Pull, Wanted};
use std::time::Instant;

/// The batches of a split, of which none has been asked for, at most `most` of them: in order of digest the first are as good as drawn.
///
/// Models are compared on all of [`Split::Test`]; temperatures are fitted on some of [`Split::Validation`]; of a run that is evaluated by
/// its cross-validation, [`Split::Train`] shows the mistakes.
pub fn pull(
    split: Split,
    most: Option<u64>,
    run: &str,
    version: u64,
    seed: u64,
    batch_size: u32,
    now: Instant,
) -> Pull {
    let wanted = Wanted {
        session: run.to_owned(),
        version,
        epoch: 0,
        seed,
        split: Selection::Images(Subset::Split(split)),
        batch_size,
        withheld: String::new(),
        decisions: false,
        held_below: String::new(),
    };
    let pull = Pull::new(wanted, now);
    match most {
        Some(batches) => pull.at_most(batches),
        None => pull,
    }
}
