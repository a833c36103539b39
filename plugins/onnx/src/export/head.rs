//! A frozen backbone and a head on its features, as one ONNX graph.
//!
//! The graph is `plugin_embed::Embedder` (features of the penultimate layer at unit length) followed by
//! `plugin_heads::Head::log_probabilities`. Neighbours are a product with all samples; `TopK` gives the least cosine that still
//! votes, and the votes of the others are set to 0 before the product with one-hot labels. So ties vote as in the head, where a
//! gather of k rows would drop them. Cost: `n × (d + classes)` multiply-adds and `4 n (d + classes)` bytes for n samples of
//! d features.

use super::{OUTPUT, Writer, real, rows, whole, wholes};
use crate::error::OnnxError;
use crate::proto::ModelProto;
use crate::weights::Weights;
use plugin_blocks::{Dims, Graph, Op};
use plugin_heads::{ABSENT, Head, Parameters};

/// Class probabilities, `[N, classes]`.
pub const PROBABILITIES: &str = "probabilities";
/// What stands in for −∞, so that no program meets an infinity.
const NEVER: f32 = -1e30;
/// Rows that are shorter are not scaled to unit length.
const SHORTEST: f32 = 1e-18;

/// Makes a model of a backbone, whose classifier is left out, and a head on its features.
///
/// Outputs: `logits`, the head's log-probabilities, and [`PROBABILITIES`], the softmax of these divided by `temperature` (1 where
/// `None`). `notes` are keys and values to be kept with it.
///
/// # Errors
/// [`OnnxError::Weights`] when a weight is missing, or the head is for another number of features.
pub fn head_model(
    graph: &Graph,
    name: &str,
    weights: &Weights,
    head: &Head,
    temperature: Option<f64>,
    notes: &[(&str, String)],
) -> Result<ModelProto, OnnxError> {
    let mut writer = Writer::new(graph, weights);
    let features = writer.features(head.dimensions())?;
    let embedding = writer.unit_length("embedding", features);
    let raised = writer.raised(head.options().power, embedding);
    let parameters = head.parameters();
    let classes = head.classes();
    let absent: Vec<f32> = head.counts().iter().map(|count| if *count == 0 { NEVER } else { 0.0 }).collect();
    let absent = absent.contains(&NEVER).then(|| writer.tensor("head/absent", &[1, classes], &absent));
    let absent = absent.as_deref();

    let share = parameters.ridge_share;
    let mut parts = Vec::new();
    if share > 0.0 {
        let logits = writer.ridge(&parameters, head, &raised);
        parts.push(("head/ridge", writer.log_softmax("head/ridge", logits, absent), share));
    }
    if share < 1.0 {
        let logits = writer.neighbours(&parameters, head, &raised);
        parts.push(("head/neighbours", writer.log_softmax("head/neighbours", logits, absent), 1.0 - share));
    }
    let parts: Vec<String> =
        parts.into_iter().map(|(part, value, share)| writer.scaled(part, "share", value, share)).collect();
    let blend = if let [one] = &parts[..] {
        one.clone()
    } else {
        writer.add("Add", "head/blend", parts, Vec::new());
        "head/blend".to_owned()
    };
    let blend = writer.scaled("head/blend", "scale", blend, (1.0 / parameters.blend_temperature) as f32);
    let log_probabilities = writer.log_softmax(OUTPUT, blend, absent);
    let scale = (1.0 / temperature.unwrap_or(1.0)) as f32;
    let tempered = writer.scaled(PROBABILITIES, "scale", log_probabilities, scale);
    writer.add("Softmax", PROBABILITIES, vec![tempered], vec![whole("axis", 1)]);
    let outputs = [OUTPUT, PROBABILITIES].map(|output| rows(output, classes as u64));
    writer.finish(name, outputs.to_vec(), notes)
}

impl Writer<'_> {
    /// Writes all but the classifier and returns what its input is called, one row an image.
    fn features(&mut self, dimensions: usize) -> Result<String, OnnxError> {
        let Some((classifier, before)) = self.graph.nodes.split_last() else {
            return Err(OnnxError::Weights("the backbone has no blocks".to_owned()));
        };
        for node in before {
            let value = self.write(node)?;
            self.values.push(value);
        }
        let (Op::Affine { .. }, [input]) = (&classifier.op, &classifier.inputs[..]) else {
            return Err(OnnxError::Weights("the backbone's last block is not affine".to_owned()));
        };
        let output = self.graph.nodes[*input].output;
        if output.count() != dimensions as u64 {
            let found = output.count();
            return Err(OnnxError::Weights(format!("the backbone has {found} features, the head is for {dimensions}")));
        }
        let value = self.values[*input].clone();
        Ok(match output {
            Dims::Row(_) => value,
            Dims::Map(_) => self.step("Flatten", "embedding", "flat", vec![value], vec![whole("axis", 1)]),
        })
    }

    /// Rows at unit length; zeros stay zeros.
    fn unit_length(&mut self, output: &str, x: String) -> String {
        let how = vec![wholes("axes", &[1]), whole("keepdims", 1)];
        let length = self.step("ReduceL2", output, "length", vec![x.clone()], how);
        let shortest = self.constant(output, "shortest", SHORTEST);
        let length = self.step("Max", output, "divisor", vec![length, shortest], Vec::new());
        self.add("Div", output, vec![x, length], Vec::new());
        output.to_owned()
    }

    /// Magnitudes raised to a power, at unit length again.
    fn raised(&mut self, power: f64, x: String) -> String {
        if power == 1.0 {
            return x;
        }
        let block = "head/power";
        let sign = self.step("Sign", block, "sign", vec![x.clone()], Vec::new());
        let magnitude = self.step("Abs", block, "magnitude", vec![x], Vec::new());
        let raised = if power == 0.5 {
            self.step("Sqrt", block, "raised", vec![magnitude], Vec::new())
        } else {
            let power = self.constant(block, "power", power as f32);
            self.step("Pow", block, "raised", vec![magnitude, power], Vec::new())
        };
        let signed = self.step("Mul", block, "signed", vec![raised, sign], Vec::new());
        self.unit_length(block, signed)
    }

    /// Logits of the ridge part, divided by its temperature.
    fn ridge(&mut self, parameters: &Parameters<'_>, head: &Head, x: &str) -> String {
        let shape = [head.classes(), head.dimensions()];
        let weights = self.tensor("head/ridge.weights", &shape, &parameters.ridge_weights);
        let intercepts = self.tensor("head/ridge.intercepts", &shape[..1], &parameters.ridge_intercepts);
        let scale = 1.0 / parameters.ridge_temperature;
        let how = vec![whole("transB", 1), real("alpha", scale), real("beta", scale)];
        self.step("Gemm", "head/ridge", "scores", vec![x.to_owned(), weights, intercepts], how)
    }

    /// Logits of the neighbours, divided by their temperature.
    fn neighbours(&mut self, parameters: &Parameters<'_>, head: &Head, x: &str) -> String {
        let block = "head/neighbours";
        let (dimensions, classes, samples) = (head.dimensions(), head.classes(), parameters.labels.len());
        let mean = self.tensor("head/neighbours.mean", &[dimensions], parameters.mean);
        let whitening = self.tensor("head/neighbours.whitening", &[dimensions, dimensions], &parameters.whitening);
        let centered = self.step("Sub", block, "centered", vec![x.to_owned(), mean], Vec::new());
        let white = self.step("MatMul", block, "whitened", vec![centered, whitening], Vec::new());
        let white = self.unit_length("head/neighbours/unit", white);
        let columns: Vec<f32> = (0..dimensions)
            .flat_map(|column| parameters.rows.iter().skip(column).step_by(dimensions).copied())
            .collect();
        let columns = self.tensor("head/neighbours.samples", &[dimensions, samples], &columns);
        let cosines = self.step("MatMul", block, "cosines", vec![white, columns], Vec::new());

        let k = (head.options().k as usize).min(samples) as i64;
        let k = self.integers("head/neighbours.k", &[k]);
        let nearest = self.top(block, vec![cosines.clone(), k]);
        let ends = ["Max", "Min"].map(|end| {
            let how = vec![wholes("axes", &[1]), whole("keepdims", 1)];
            self.step(&format!("Reduce{end}"), block, &end.to_lowercase(), vec![nearest.clone()], how)
        });
        let [greatest, least] = ends;
        let tie = self.constant(block, "tie", parameters.tie);
        let limit = self.step("Sub", block, "limit", vec![least, tie], Vec::new());
        let too_far = self.step("Less", block, "too_far", vec![cosines.clone(), limit], Vec::new());
        let difference = self.step("Sub", block, "difference", vec![cosines, greatest], Vec::new());
        let bandwidth = self.constant(block, "bandwidth", head.options().bandwidth as f32);
        let exponent = self.step("Div", block, "exponent", vec![difference, bandwidth], Vec::new());
        let weight = self.step("Exp", block, "weight", vec![exponent], Vec::new());
        let none = self.constant(block, "none", 0.0);
        let weight = self.step("Where", block, "vote", vec![too_far, none, weight], Vec::new());

        let mut one_hot = vec![0.0; samples * classes];
        for (row, label) in one_hot.chunks_exact_mut(classes).zip(parameters.labels) {
            row[*label as usize] = parameters.vote_weights[*label as usize];
        }
        let one_hot = self.tensor("head/neighbours.labels", &[samples, classes], &one_hot);
        let votes = self.step("MatMul", block, "votes", vec![weight, one_hot], Vec::new());
        let prior = self.constant(block, "prior", parameters.prior_votes);
        let votes = self.step("Add", block, "votes_and_prior", vec![votes, prior], Vec::new());
        let logits = self.step("Log", block, "scores", vec![votes], Vec::new());
        self.scaled(block, "scale", logits, (1.0 / parameters.neighbours_temperature) as f32)
    }

    /// Log-probabilities of the classes that have samples, at least [`ABSENT`]; that of the others is [`ABSENT`].
    fn log_softmax(&mut self, output: &str, logits: String, absent: Option<&str>) -> String {
        let logits = match absent {
            Some(absent) => self.step("Add", output, "present", vec![logits, absent.to_owned()], Vec::new()),
            None => logits,
        };
        let unbounded = self.step("LogSoftmax", output, "log_softmax", vec![logits], vec![whole("axis", 1)]);
        let least = self.constant(output, "least", ABSENT);
        self.add("Max", output, vec![unbounded, least], Vec::new());
        output.to_owned()
    }

    /// `x` times a number.
    fn scaled(&mut self, block: &str, name: &str, x: String, scale: f32) -> String {
        if scale == 1.0 {
            return x;
        }
        let factor = self.constant(block, &format!("{name}_factor"), scale);
        self.step("Mul", block, name, vec![x, factor], Vec::new())
    }

    /// The greatest numbers of each row.
    fn top(&mut self, block: &str, inputs: Vec<String>) -> String {
        let values = self.step("TopK", block, "nearest", inputs, vec![whole("axis", 1)]);
        let places = format!("{block}/nearest_samples");
        if let Some(node) = self.nodes.last_mut() {
            node.output.push(places);
        }
        values
    }
}

#[cfg(test)]
mod tests;
