//! Layers whose parameters are called and laid out as PyTorch's, so that weights need no translation.

use crate::network::init::Init;
use crate::network::ops::{self, convolution};
use burn::module::{Module, Param, RunningState};
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::module::{batch_norm_train, linear};

/// A fully connected layer. Unlike burn's, the weight is `[outputs, inputs]`, as in PyTorch.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[outputs, inputs]`.
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// Uniform first weights within `1 / sqrt(inputs)`, as in PyTorch.
    pub fn new(init: &mut Init<'_>, inputs: usize, outputs: usize, bias: bool) -> Self {
        let bound = 1.0 / (inputs as f64).sqrt();
        Self { weight: init.uniform([outputs, inputs], bound), bias: bias.then(|| init.uniform([outputs], bound)) }
    }

    /// `[images, inputs]` to `[images, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        linear(x, self.weight.val().transpose(), self.bias.as_ref().map(Param::val))
    }
}

/// Group normalisation (Wu and He 2018, arXiv 1803.08494): numbers of a group of channels of an image get mean 0 and deviation 1.
/// Corresponds to `torch.nn.GroupNorm`.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// Factor by channel.
    pub weight: Param<Tensor<1>>,
    /// Summand by channel.
    pub bias: Param<Tensor<1>>,
    /// Groups of channels.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

impl GroupNorm {
    /// Factors of 1, summands of 0.
    pub fn new(init: &Init<'_>, channels: usize, groups: usize, epsilon: f64) -> Self {
        Self { weight: init.constant([channels], 1.0), bias: init.constant([channels], 0.0), groups, epsilon }
    }

    /// Normalises `[images, channels, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::group_normalization(x, self.weight.val(), self.bias.val(), self.groups, self.epsilon)
    }
}

/// A trainable slope below 0 (He and others 2015, arXiv 1502.01852). Corresponds to `torch.nn.PReLU`.
#[derive(Module, Debug)]
pub struct Slope {
    /// By channel, or one for all.
    pub weight: Param<Tensor<1>>,
}

impl Slope {
    /// Slopes of 0.25, as in PyTorch.
    pub fn new(init: &Init<'_>, slopes: usize) -> Self {
        Self { weight: init.constant([slopes], 0.25) }
    }

    /// `[images, channels, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::prelu(x, self.weight.val())
    }
}

/// Whether layers behave as in training.
pub(crate) fn learns(x: &Tensor<4>) -> bool {
    #[cfg(feature = "libtorch")]
    if crate::native::mode::learning() {
        return true;
    }
    x.device().is_autodiff()
}

/// Batch normalisation (Ioffe and Szegedy 2015, arXiv 1502.03167) as in PyTorch: the running variance is the unbiased
/// one, where burn's own layer keeps the biased one.
#[derive(Module, Debug)]
pub struct BatchNorm2d {
    /// Factor by channel.
    pub weight: Param<Tensor<1>>,
    /// Summand by channel.
    pub bias: Param<Tensor<1>>,
    /// Mean of the batches seen, recent ones count more.
    pub running_mean: RunningState<Tensor<1>>,
    /// Their unbiased variance.
    pub running_var: RunningState<Tensor<1>>,
    /// Added to the variance, so that none is zero.
    pub epsilon: f64,
    /// Share of a new batch in the running figures.
    pub momentum: f64,
}

impl BatchNorm2d {
    /// Changes nothing at first. PyTorch's usual summand of the variance is 1e-5, its usual momentum 0.1.
    pub fn new(init: &Init<'_>, channels: usize, epsilon: f64, momentum: f64) -> Self {
        Self {
            weight: init.constant([channels], 1.0),
            bias: init.constant([channels], 0.0),
            running_mean: RunningState::new(Tensor::zeros([channels], init.device())),
            running_var: RunningState::new(Tensor::ones([channels], init.device())),
            epsilon,
            momentum,
        }
    }

    /// Normalises `[images, channels, height, width]`: with the batch's own figures on a device with autodiff or
    /// within a `native::mode::Learning` span, with the running ones otherwise, and where its weights are frozen.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if !self.learns(&x) {
            return self.infer(x);
        }
        #[cfg(feature = "libtorch")]
        if let Some(y) = self.train_on_libtorch(&x) {
            return y;
        }
        self.train(x)
    }

    /// Whether it behaves as in training: a layer whose weights are frozen does not.
    fn learns(&self, x: &Tensor<4>) -> bool {
        #[cfg(feature = "libtorch")]
        if crate::native::mode::learning() {
            let weight = crate::native::bridge::to_torch(self.weight.val());
            return weight.is_some_and(|weight| weight.requires_grad());
        }
        learns(x) && self.weight.val().is_require_grad()
    }

    /// `conv` and this layer in one. Where nothing is trained it is one convolution, with weights scaled and a bias that
    /// shifts: two passes over the images less.
    pub fn after(&self, conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
        if self.learns(&x) || conv.bias.is_some() {
            return self.forward(convolution(conv, x));
        }
        convolution(&self.within(conv), x)
    }

    /// `conv` with this layer in it, as both are where nothing is trained.
    pub(crate) fn within(&self, conv: &Conv2d) -> Conv2d {
        let (scale, shift) = self.scale_and_shift();
        let shift = match &conv.bias {
            Some(bias) => bias.val() * scale.clone() + shift,
            None => shift,
        };
        let channels = scale.dims()[0];
        let weight = conv.weight.val() * scale.reshape([channels, 1, 1, 1]);
        Conv2d {
            weight: Param::from_tensor(weight),
            bias: Some(Param::from_tensor(shift)),
            stride: conv.stride,
            kernel_size: conv.kernel_size,
            dilation: conv.dilation,
            groups: conv.groups,
            padding: conv.padding.clone(),
        }
    }

    /// What the layer multiplies by and adds where nothing is trained, by channel.
    fn scale_and_shift(&self) -> (Tensor<1>, Tensor<1>) {
        let scale = self.weight.val() / (self.running_var.value_sync() + self.epsilon).sqrt();
        let shift = self.bias.val() - self.running_mean.value_sync() * scale.clone();
        (scale, shift)
    }

    fn infer(&self, x: Tensor<4>) -> Tensor<4> {
        let (scale, shift) = self.scale_and_shift();
        let channels = x.dims()[1];
        x * scale.reshape([1, channels, 1, 1]) + shift.reshape([1, channels, 1, 1])
    }

    /// In one of LibTorch's kernels, which blends the batch's own figures into the running ones. None when not on LibTorch.
    #[cfg(feature = "libtorch")]
    fn train_on_libtorch(&self, x: &Tensor<4>) -> Option<Tensor<4>> {
        use crate::native::bridge::{from_torch, to_torch};
        let (mean, var) = (to_torch(self.running_mean.value_sync())?, to_torch(self.running_var.value_sync())?);
        let (weight, bias) = (to_torch(self.weight.val())?, to_torch(self.bias.val())?);
        let x = to_torch(x.clone())?;
        let y = x.batch_norm(Some(weight), Some(bias), Some(mean), Some(var), true, self.momentum, self.epsilon, true);
        Some(from_torch(y))
    }

    fn train(&self, x: Tensor<4>) -> Tensor<4> {
        let [images, _, height, width] = x.dims();
        let n = (images * height * width) as f64;
        let unbiased = if n > 1.0 { n / (n - 1.0) } else { 1.0 };
        let done = batch_norm_train(x, self.weight.val(), self.bias.val(), self.epsilon);
        let blend = |old: &RunningState<Tensor<1>>, new: Tensor<1>| {
            old.update((old.value_sync() * (1.0 - self.momentum) + new.detach() * self.momentum).detach());
        };
        blend(&self.running_mean, done.mean);
        blend(&self.running_var, done.variance * unbiased);
        done.output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData, Tolerance};

    const EPSILON: f64 = 1e-5;

    /// `torch.nn.BatchNorm2d(1)` on `[[[[1, 2], [3, 4]]]]` in training: mean 2.5, unbiased variance 5/3.
    #[test]
    fn the_running_variance_is_pytorchs() {
        let device = Device::flex().autodiff();
        let layer = BatchNorm2d::new(&Init::new(1, &device), 1, EPSILON, 0.1);
        let x = Tensor::<4>::from_data([[[[1.0, 2.0], [3.0, 4.0]]]], &device);
        let y = layer.forward(x);
        let expected = TensorData::from([[[[-1.341_640_8_f32, -0.447_213_6], [0.447_213_6, 1.341_640_8]]]]);
        y.into_data().assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-4));
        let layer = layer.valid();
        let figures = [layer.running_mean.value(), layer.running_var.value()].map(|t| t.into_scalar::<f32>());
        assert!((figures[0] - 0.25).abs() < 1e-6 && (figures[1] - (0.9 + 0.5 / 3.0)).abs() < 1e-6, "{figures:?}");
    }

    #[test]
    fn inference_uses_the_running_figures() {
        let device = Device::flex();
        let mut layer = BatchNorm2d::new(&Init::new(1, &device), 1, EPSILON, 0.1);
        layer.running_mean = RunningState::new(Tensor::from_data([2.0], &device));
        layer.running_var = RunningState::new(Tensor::from_data([4.0 - EPSILON as f32], &device));
        let y = layer.forward(Tensor::<4>::from_data([[[[4.0]]]], &device)).into_scalar::<f32>();
        assert!((y - 1.0).abs() < 1e-6, "{y}");
    }

    #[test]
    fn one_value_a_channel_does_not_divide_by_zero() {
        let device = Device::flex().autodiff();
        let layer = BatchNorm2d::new(&Init::new(1, &device), 1, EPSILON, 0.1);
        let _ = layer.forward(Tensor::<4>::from_data([[[[4.0]]]], &device));
        assert!(layer.valid().running_var.value().into_scalar::<f32>().is_finite());
    }
}
