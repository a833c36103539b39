//! First weights, drawn on the host, so that they are the same on every device.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// Draws first weights. The order of the calls decides what each gets.
pub struct Init<'a> {
    rng: Pcg64Mcg,
    device: &'a Device,
}

impl<'a> Init<'a> {
    /// Draws for `device`; equal seeds give equal weights on any device.
    pub fn new(seed: u64, device: &'a Device) -> Self {
        Self { rng: Pcg64Mcg::seed_from_u64(seed), device }
    }

    /// Where the weights go.
    pub fn device(&self) -> &Device {
        self.device
    }

    /// All equal.
    pub fn constant<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.param(vec![value; shape.iter().product()], shape)
    }

    /// Normal with mean 0. He et al. 2015 (arXiv 1502.01852) wants `sqrt(2 / fan)` for layers before a ReLU.
    pub fn normal<const D: usize>(&mut self, shape: [usize; D], deviation: f64) -> Param<Tensor<D>> {
        let values = (0..shape.iter().product()).map(|_| (self.standard_normal() * deviation) as f32).collect();
        self.param(values, shape)
    }

    /// Uniform in `-bound..bound`. PyTorch gives fully connected layers `1 / sqrt(inputs)`.
    pub fn uniform<const D: usize>(&mut self, shape: [usize; D], bound: f64) -> Param<Tensor<D>> {
        let values =
            (0..shape.iter().product()).map(|_| ((self.rng.random::<f64>() * 2.0 - 1.0) * bound) as f32).collect();
        self.param(values, shape)
    }

    /// Box and Muller's transform, one of its two values.
    fn standard_normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.rng.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.rng.random::<f64>()).cos()
    }

    fn param<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::from_data(TensorData::new(values, shape), self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_draw_has_the_deviation_asked_for() {
        let device = Device::flex();
        let values = Init::new(1, &device).normal([40_000], 0.5).val().into_data().try_to_vec::<f32>().unwrap();
        let mean = values.iter().sum::<f32>() / 40_000.0;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 40_000.0).sqrt();
        assert!(mean.abs() < 0.01 && (deviation - 0.5).abs() < 0.01, "{mean} {deviation}");
    }

    #[test]
    fn the_seed_decides() {
        let device = Device::flex();
        let draw = |seed| Init::new(seed, &device).uniform([9], 1.0).val().into_data();
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
