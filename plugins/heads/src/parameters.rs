//! The numbers of a fitted head, for programs that compute what it computes (ONNX export).

use crate::head::Head;
use crate::matrix::Matrix;
use crate::neighbours::{PRIOR_VOTES, TIE, vote_weight};
use crate::ridge::SHARPNESS;

/// What [`Head::log_probabilities`] computes with. Matrices are row-major; `d` is the dimensions, `n` the samples.
///
/// Both parts see features whose magnitudes were raised to `HeadOptions::power`, at unit length again. Each part's logits and
/// their blend are divided by their temperature and go through a log-softmax over the classes that have samples; the others,
/// and what is below, become [`ABSENT`](crate::ABSENT).
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters<'a> {
    /// `[classes, d]`: the ridge part's logits are `ridge_weights · x + ridge_intercepts`.
    pub ridge_weights: Vec<f32>,
    /// `[classes]`.
    pub ridge_intercepts: Vec<f32>,
    /// Temperature of these logits.
    pub ridge_temperature: f64,
    /// `[d]`: mean of the samples.
    pub mean: &'a [f32],
    /// `[d, d]`: a row `x` is `(x − mean) · whitening` in the space of the neighbours, before it is scaled to unit length.
    pub whitening: Vec<f32>,
    /// `[n, d]`: the samples in that space, of unit length.
    pub rows: &'a [f32],
    /// `[n]`: their classes.
    pub labels: &'a [u32],
    /// `[classes]`: what a vote for each counts.
    pub vote_weights: Vec<f32>,
    /// Cosines less than the k-th greatest minus this have no vote.
    pub tie: f32,
    /// Added to the votes for each class that has samples, before their logarithm is taken.
    pub prior_votes: f32,
    /// Temperature of the logarithms.
    pub neighbours_temperature: f64,
    /// Weight of the ridge part's log-probabilities in the blend, 0 to 1; the neighbours have the rest.
    pub ridge_share: f32,
    /// Temperature of the blend.
    pub blend_temperature: f64,
}

impl Head {
    /// The numbers it predicts with.
    pub fn parameters(&self) -> Parameters<'_> {
        let scaled = |values: &[f32]| values.iter().map(|value| value * SHARPNESS).collect();
        let order = self.dimensions();
        let mut identity = Matrix::zeros(order, order);
        identity.values.iter_mut().step_by(order + 1).for_each(|value| *value = 1.0);
        let present = self.counts.iter().filter(|count| **count > 0).count();
        Parameters {
            ridge_weights: scaled(&self.ridge.weights.values),
            ridge_intercepts: scaled(&self.ridge.intercepts),
            ridge_temperature: number(self.temperatures.ridge),
            mean: &self.neighbours.mean,
            whitening: self.neighbours.factor.whiten(identity.view()).values,
            rows: &self.neighbours.rows.values,
            labels: &self.neighbours.labels,
            vote_weights: (0..self.counts.len()).map(|class| vote_weight(&self.counts, class)).collect(),
            tie: TIE,
            prior_votes: PRIOR_VOTES / present as f32,
            neighbours_temperature: number(self.temperatures.neighbours),
            ridge_share: self.ridge_share(),
            blend_temperature: number(self.temperatures.blend),
        }
    }
}

fn number(temperature: impl Into<f64>) -> f64 {
    temperature.into()
}
