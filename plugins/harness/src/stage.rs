//! A node that answers each message with exactly one message, in order, under the same header.

use crate::error::HarnessError;
use crate::inbox::Event;
use crate::node::Node;
use crate::sequence::{Place, Sequence};
use arrow::array::StringArray;
use plugin_api::RejectReason;
use plugin_api::edges::Rejects;
use plugin_api::{Edge, Header};
use std::time::Duration;

/// Work on one stream of messages.
pub trait Stage {
    /// Messages that come.
    type In: Edge;
    /// Messages that go.
    type Out: Edge;
    /// Name of the input in the YAML.
    const INPUT: &'static str;
    /// Name of the output in the YAML.
    const OUTPUT: &'static str;

    /// Answers one message. Rows that cannot be worked with leave as rejects; an empty answer is still an answer.
    fn process(&mut self, header: &Header, batch: Self::In) -> Answer<Self::Out>;

    /// The header of an answer: that of the message, and what a stage has to say of its whole work, such as which network
    /// it has.
    fn annotate(&self, header: Header) -> Header {
        header
    }
}

/// The answer to one message.
#[derive(Debug)]
pub struct Answer<O> {
    /// The rows that went through.
    pub out: O,
    /// The rows that did not.
    pub rejects: Vec<Reject>,
}

/// A row that a stage refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The image.
    pub path: String,
    /// Why, as a code.
    pub reason: RejectReason,
    /// Why, for a person.
    pub detail: String,
}

/// Why a row is refused: the code, and a text for a person.
pub type Refusal = (RejectReason, String);

/// Parts a message's results, one a row: the rows that went through, what came of them, and the rejects.
pub fn partition<T>(
    path: &StringArray,
    results: impl IntoIterator<Item = Result<T, Refusal>>,
) -> (Vec<usize>, Vec<T>, Vec<Reject>) {
    let (mut rows, mut good, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
    for (row, result) in results.into_iter().enumerate() {
        match result {
            Ok(one) => {
                rows.push(row);
                good.push(one);
            }
            Err((reason, detail)) => {
                rejects.push(Reject { path: path.value(row).to_owned(), reason, detail });
            }
        }
    }
    (rows, good, rejects)
}

/// Name of the output that takes refused rows.
const REJECTS: &str = "rejects";

/// Runs a stage until the dataflow stops.
///
/// # Errors
/// Any [`HarnessError`]; dora starts the node again, and the source sends again what was in hand.
pub fn run_stage<S: Stage>(stage: &mut S, node: &mut Node) -> Result<(), HarnessError> {
    let mut sequence = Sequence::default();
    node.status().state(plugin_api::Message::waiting());
    loop {
        let message = match node.recv(Duration::from_secs(1))? {
            Event::Message(message) if message.input == S::INPUT => message,
            Event::Stop => return Ok(()),
            Event::Message(_) | Event::Restarted(_) | Event::Timeout => continue,
        };
        match sequence.place(&message.header) {
            // `dataset` notices too and asks the source to send again; a stage keeps no state worth guarding.
            Place::Gap { expected } => {
                tracing::warn!(
                    session = message.header.session,
                    expected,
                    seq = message.header.seq,
                    "messages are missing"
                );
            }
            Place::Stale => continue,
            Place::Due | Place::Repeated => {}
        }
        let batch: S::In = message.read()?;
        node.status().add("pictures_in", batch.rows() as u64);
        let answer = stage.process(&message.header, batch);
        node.status().add("pictures_out", answer.out.rows() as u64);
        if !answer.rejects.is_empty() {
            node.status().add("rejected", answer.rejects.len() as u64);
            send_rejects(node, &message.header, &answer.rejects)?;
        }
        let header = stage.annotate(message.header);
        node.send(S::OUTPUT, &header, answer.out)?;
    }
}

/// Tells `watch` of refused rows; before the message they came in is answered.
///
/// # Errors
/// As [`Node::send`].
pub fn send_rejects(node: &mut Node, header: &Header, rejects: &[Reject]) -> Result<(), HarnessError> {
    for reject in rejects {
        tracing::warn!(path = reject.path, reason = reject.reason.name(), detail = reject.detail, "refused");
    }
    let column = |f: fn(&Reject) -> &str| StringArray::from_iter_values(rejects.iter().map(f));
    let stage = node.name().to_owned();
    let message = Rejects {
        path: column(|r| &r.path),
        stage: StringArray::from_iter_values(rejects.iter().map(|_| stage.as_str())),
        reason: column(|r| r.reason.name()),
        detail: column(|r| &r.detail),
    };
    node.send(REJECTS, header, message)
}
