//! Functions of a network, one by one: what NNC writes once between `RepeatStart` and `RepeatEnd` becomes as many as it is repeated.
//!
//! A value in a repetition `R` is called `x_R[0]`, `x_R[1]` and so on; where its name has `{R}` in it, as parameters of newer files
//! have, `[0]` takes the place of that. Repetitions may be in repetitions. nnabla reads such files in the same way
//! (`ProtoNetwork.expand_loop_control` of `nnabla/core/graph_def.py`).

use super::text::Message;
use crate::error::NncError;
use std::collections::{BTreeMap, BTreeSet};

/// Functions that are computed once each.
#[derive(Debug)]
pub struct Unrolled<'a> {
    /// In an order in which each comes after those it reads.
    pub steps: Vec<Step<'a>>,
    /// Sides of values by name, the batch first.
    pub shapes: BTreeMap<String, Vec<i64>>,
}

/// A function.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// As it is written, with its settings.
    pub function: &'a Message,
    /// What it is called.
    pub name: String,
    /// What it is: `Convolution`.
    pub kind: String,
    /// Values and parameters that it reads.
    pub inputs: Vec<String>,
    /// Values that it gives.
    pub outputs: Vec<String>,
}

/// Functions that a file may come to.
const MOST: usize = 20_000;

/// Unrolls a network.
///
/// # Errors
/// [`NncError::Form`] for loops of recurrent networks, too many functions, or functions that read each other in a circle.
pub fn unrolled(network: &Message) -> Result<Unrolled<'_>, NncError> {
    let times: BTreeMap<&str, usize> =
        network.inner("repeat_info").map(|info| (info.word("id"), info.number("times").unwrap_or(0))).collect();
    let mut shapes: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for variable in network.inner("variable") {
        for place in places(variable, &times)? {
            shapes.insert(place.variable(variable.word("name")), variable.numbers("shape"));
        }
    }
    let mut steps = Vec::new();
    for function in network.inner("function") {
        for place in places(function, &times)? {
            steps.push(step(function, &place, &times, &shapes)?);
            if steps.len() > MOST {
                return Err(NncError::Form(format!("it has more than {MOST} functions")));
            }
        }
    }
    Ok(Unrolled { steps: ordered(steps)?, shapes })
}

/// Where in its repetitions a function or value is: names of them, outermost first, and how often each was done before.
#[derive(Clone, Debug)]
struct Place<'a>(Vec<(&'a str, usize)>);

impl Place<'_> {
    /// The name of a value that is in just these repetitions.
    fn variable(&self, name: &str) -> String {
        let mut name = name.to_owned();
        for (id, number) in &self.0 {
            let within = format!("{{{id}}}");
            if name.contains(&within) {
                name = name.replace(&within, &format!("[{number}]"));
            } else {
                name.extend(["_", id, "[", &number.to_string(), "]"]);
            }
        }
        name
    }

    /// The name of a value that is in these repetitions, or in some of the outer ones alone.
    fn known(&self, name: &str, shapes: &BTreeMap<String, Vec<i64>>) -> String {
        let mut inner = (0..=self.0.len()).rev().map(|count| Place(self.0[..count].to_vec()).variable(name));
        inner.find(|name| shapes.contains_key(name)).unwrap_or_else(|| name.to_owned())
    }

    fn outer(&self) -> Self {
        Self(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }

    fn with<'b>(&'b self, id: &'b str, number: usize) -> Place<'b> {
        Place(self.0.iter().copied().chain([(id, number)]).collect())
    }
}

/// All places of a function or value.
fn places<'a>(message: &'a Message, times: &BTreeMap<&str, usize>) -> Result<Vec<Place<'a>>, NncError> {
    let mut places = vec![Place(Vec::new())];
    for id in message.words("repeat_id") {
        let count = *times.get(id).ok_or_else(|| NncError::Form(format!("the repetition {id:?} is not there")))?;
        if count.saturating_mul(places.len()) > MOST {
            return Err(NncError::Form(format!("it has more than {MOST} functions")));
        }
        let further = |place: &Place<'a>| {
            let place = place.0.clone();
            (0..count).map(move |number| Place(place.iter().copied().chain([(id, number)]).collect()))
        };
        places = places.iter().flat_map(further).collect();
    }
    Ok(places)
}

fn step<'a>(
    function: &'a Message,
    place: &Place<'_>,
    times: &BTreeMap<&str, usize>,
    shapes: &BTreeMap<String, Vec<i64>>,
) -> Result<Step<'a>, NncError> {
    let kind = function.word("type");
    let written: Vec<&str> = function.words("input").collect();
    let id = function.inner("repeat_param").next().map(|repeat| repeat.word("repeat_id")).unwrap_or_default();
    let inputs = match (kind, &written[..], place.0.last()) {
        ("RepeatStart", [first, _], Some((_, 0))) => vec![place.outer().known(first, shapes)],
        ("RepeatStart", [_, again], Some((_, number))) => {
            vec![place.outer().with(id, number - 1).known(again, shapes)]
        }
        ("RepeatEnd", [last], _) => {
            let count = times.get(id).copied().unwrap_or(0);
            vec![place.with(id, count.saturating_sub(1)).known(last, shapes)]
        }
        ("RecurrentInput" | "RecurrentOutput" | "Delay", ..) => {
            let problem =
                format!("{} ({kind}): it is for sequences; networks of images have no memory", function.word("name"));
            return Err(NncError::Form(problem));
        }
        _ => written.iter().map(|input| place.known(input, shapes)).collect(),
    };
    let kind = if matches!(kind, "RepeatStart" | "RepeatEnd") { "Identity" } else { kind };
    Ok(Step {
        function,
        name: place.variable(function.word("name")),
        kind: kind.to_owned(),
        inputs,
        outputs: function.words("output").map(|output| place.known(output, shapes)).collect(),
    })
}

/// Steps in an order in which each comes after those it reads; of those that could be next, the one written first.
fn ordered(steps: Vec<Step<'_>>) -> Result<Vec<Step<'_>>, NncError> {
    let given: BTreeSet<&String> = steps.iter().flat_map(|step| &step.outputs).collect();
    let mut readers: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    let mut waits: Vec<BTreeSet<&String>> = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let waits_for: BTreeSet<&String> = step.inputs.iter().filter(|input| given.contains(input)).collect();
        for input in &waits_for {
            readers.entry(*input).or_default().push(place);
        }
        waits.push(waits_for);
    }
    let mut ready: BTreeSet<usize> = (0..steps.len()).filter(|place| waits[*place].is_empty()).collect();
    let mut order = Vec::new();
    while let Some(place) = ready.pop_first() {
        order.push(place);
        for output in &steps[place].outputs {
            for reader in readers.get(output).into_iter().flatten() {
                if waits[*reader].remove(output) && waits[*reader].is_empty() {
                    ready.insert(*reader);
                }
            }
        }
    }
    if order.len() < steps.len() {
        return Err(NncError::Form("its functions read each other in a circle".to_owned()));
    }
    Ok(order.into_iter().map(|place| steps[place].clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two times two functions in repetitions, as NNC writes them.
    const TEXT: &str = r#"
repeat_info { id: "Outer" times: 2 } repeat_info { id: "Inner" times: 3 }
variable { name: "x" shape { dim: 1 dim: 4 } }
variable { name: "o" repeat_id: "Outer" shape { dim: 1 dim: 4 } }
variable { name: "i" repeat_id: "Outer" repeat_id: "Inner" shape { dim: 1 dim: 4 } }
variable { name: "h" repeat_id: "Outer" repeat_id: "Inner" shape { dim: 1 dim: 4 } }
variable { name: "fc{Outer}/affine/W" type: "Parameter" repeat_id: "Outer" repeat_id: "Inner" shape { dim: 4 dim: 4 } }
variable { name: "e" repeat_id: "Outer" shape { dim: 1 dim: 4 } }
variable { name: "y" shape { dim: 1 dim: 4 } }
function { name: "end" type: "RepeatEnd" input: "e" output: "y" repeat_param { repeat_id: "Outer" times: 2 } }
function { name: "s" type: "RepeatStart" repeat_id: "Outer" input: "x" input: "e" output: "o" repeat_param { repeat_id: "Outer" } }
function { name: "t" type: "RepeatStart" repeat_id: "Outer" repeat_id: "Inner" input: "o" input: "h" output: "i" repeat_param { repeat_id: "Inner" } }
function { name: "fc" type: "Affine" repeat_id: "Outer" repeat_id: "Inner" input: "i" input: "fc{Outer}/affine/W" output: "h" }
function { name: "u" type: "RepeatEnd" repeat_id: "Outer" input: "h" output: "e" repeat_param { repeat_id: "Inner" times: 3 } }
"#;

    #[test]
    fn repetitions_are_written_out() {
        let message = Message::parse(TEXT).unwrap();
        let Unrolled { steps, shapes } = unrolled(&message).unwrap();
        let affine: Vec<String> = steps
            .iter()
            .filter(|step| step.kind == "Affine")
            .map(|step| format!("{} {} {}", step.inputs[0], step.inputs[1], step.outputs[0]))
            .collect();
        let expected = |outer: usize, inner: usize| {
            let at = format!("_Outer[{outer}]_Inner[{inner}]");
            format!("i{at} fc[{outer}]/affine/W_Inner[{inner}] h{at}")
        };
        let expected: Vec<String> =
            (0..2).flat_map(|o| (0..3).map(move |i| (o, i))).map(|(o, i)| expected(o, i)).collect();
        assert_eq!(affine, expected);
        let reads = |output: &str| steps.iter().find(|step| step.outputs[0] == output).unwrap().inputs[0].clone();
        for (value, from) in [
            ("y", "e_Outer[1]"),
            ("o_Outer[0]", "x"),
            ("o_Outer[1]", "e_Outer[0]"),
            ("i_Outer[1]_Inner[0]", "o_Outer[1]"),
            ("i_Outer[1]_Inner[2]", "h_Outer[1]_Inner[1]"),
            ("e_Outer[0]", "h_Outer[0]_Inner[2]"),
        ] {
            assert_eq!(reads(value), from, "{value}");
        }
        assert_eq!(shapes["h_Outer[0]_Inner[1]"], [1, 4]);
    }

    #[test]
    fn what_does_not_end_is_refused() {
        let refused = |text: &str| unrolled(&Message::parse(text).unwrap()).unwrap_err().to_string();
        let circle = "function { name: 'a' type: 'ReLU' input: 'x' output: 'y' } function { name: 'b' type: 'ReLU' input: 'y' output: 'x' }";
        assert!(refused(circle).contains("circle"));
        assert!(refused("function { type: 'ReLU' repeat_id: 'R' }").contains("\"R\" is not there"));
        let many = "repeat_info { id: 'R' times: 1000000 } variable { name: 'x' repeat_id: 'R' }";
        assert!(refused(many).contains("more than"));
        assert!(
            refused("function { name: 'd' type: 'Delay' input: 'x' input: 'y' output: 'z' }").contains("no memory")
        );
    }
}
