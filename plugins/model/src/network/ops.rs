//! What networks do between layers. As burn's functions of the same name, except while LibTorch learns: then each is
//! one kernel that ATen records, in place where the graph says that nobody needs the old value. burn's own work in place
//! wherever they can, and would overwrite what ATen keeps for the backward pass; ATen refuses such a step.

#[cfg(feature = "libtorch")]
use crate::native::recorded;
#[cfg(feature = "libtorch")]
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::{Tensor, TensorData, activation};
use plugin_blocks::graph::LUMINANCE;
use plugin_blocks::{Elementwise, Scalar};

/// Answers with ATen's kernel if LibTorch learns here.
macro_rules! or_recorded {
    ($x:ident, $op:expr) => {
        #[cfg(feature = "libtorch")]
        if let Some(y) = recorded(&$x, $op) {
            return y;
        }
    };
    ($x:ident, $y:ident, $op:expr) => {
        #[cfg(feature = "libtorch")]
        if let (Some(other), true) = (crate::native::bridge::to_torch($y.clone()), crate::native::mode::learning()) {
            if let Some(y) = recorded(&$x, |x| ($op)(x, &other)) {
                return y;
            }
        }
    };
}

/// `max(x, 0)`. `in_place`: nobody reads `x` again, nor does the backward pass of what gave it.
pub fn relu<const D: usize>(x: Tensor<D>, in_place: bool) -> Tensor<D> {
    or_recorded!(x, |x| if in_place { x.shallow_clone().relu_() } else { x.relu() });
    let _ = in_place;
    activation::relu(x)
}

/// `x` within 0 and 6. `in_place` as of [`relu`].
pub fn relu6<const D: usize>(x: Tensor<D>, in_place: bool) -> Tensor<D> {
    or_recorded!(x, |x| if in_place { x.shallow_clone().relu6_() } else { x.relu6() });
    let _ = in_place;
    x.clamp(0.0, 6.0)
}

/// `1 / (1 + e⁻ˣ)`.
pub fn sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, tch::Tensor::sigmoid);
    activation::sigmoid(x)
}

/// `x · Φ(x)` with the normal distribution's Φ (Hendrycks and Gimpel 2016, arXiv 1606.08415).
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, |x| x.gelu("none"));
    activation::gelu(x)
}

/// The hyperbolic tangent.
pub fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, tch::Tensor::tanh);
    activation::tanh(x)
}

/// `x`, or `slope · x` where that is negative (Maas et al. 2013).
pub fn leaky_relu<const D: usize>(x: Tensor<D>, slope: f64) -> Tensor<D> {
    // As ATen's `leaky_relu`, of which `tch` does not give the slope.
    or_recorded!(x, |x| x.clamp_min(0.0) + x.clamp_max(0.0) * slope);
    activation::leaky_relu(x, slope)
}

/// `x` above 0, below it the slope of its channel, or the one of all, times `x`. Slopes are `[channels]` or `[1]`.
pub fn prelu(x: Tensor<4>, slopes: Tensor<1>) -> Tensor<4> {
    or_recorded!(x, slopes, |x: &tch::Tensor, slopes: &tch::Tensor| x.prelu(slopes));
    let count = slopes.dims()[0];
    x.clone().clamp_min(0.0) + x.clamp_max(0.0) * slopes.reshape([1, count, 1, 1])
}

/// Numbers of each group of channels of an image with mean 0 and deviation 1, times a weight and plus a bias a channel.
pub fn group_normalization(x: Tensor<4>, weight: Tensor<1>, bias: Tensor<1>, groups: usize, epsilon: f64) -> Tensor<4> {
    let [images, channels, height, width] = x.dims();
    let by_channel = |values: Tensor<1>| values.reshape([1, channels, 1, 1]);
    #[cfg(feature = "libtorch")]
    if crate::native::mode::learning() {
        use crate::native::bridge::to_torch;
        let (weight, bias) = (to_torch(weight.clone()), to_torch(bias.clone()));
        if let Some(y) = recorded(&x, |x| x.group_norm(groups as i64, weight.as_ref(), bias.as_ref(), epsilon, false)) {
            return y;
        }
    }
    let apart = x.reshape([images, groups, channels / groups * height * width]);
    let centred = apart.clone() - apart.mean_dim(2);
    let variance = centred.clone().powi_scalar(2).mean_dim(2);
    let normal = centred / (variance + epsilon).sqrt();
    normal.reshape([images, channels, height, width]) * by_channel(weight) + by_channel(bias)
}

/// `x` above 0, `alpha · (eˣ - 1)` below (Clevert and others 2015). Where `x` is large nothing overflows, nor do gradients.
pub fn elu<const D: usize>(x: Tensor<D>, alpha: f64) -> Tensor<D> {
    or_recorded!(x, |x| x.clamp_min(0.0) + (x.clamp_max(0.0).exp() - 1.0) * alpha);
    x.clone().clamp_min(0.0) + (x.clamp_max(0.0).exp() - 1.0) * alpha
}

/// ELU with the factors of Klambauer and others 2017.
pub fn selu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const SCALE: f64 = 1.050_700_987_355_480_5;
    scalar(elu(x, ALPHA), Scalar::Multiply(SCALE))
}

/// `x · sigmoid(x)`. Corresponds to `torch.nn.SiLU`.
pub fn swish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, tch::Tensor::silu);
    activation::silu(x)
}

/// `x · tanh(softplus(x))`.
pub fn mish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, tch::Tensor::mish);
    activation::mish(x)
}

/// `log(1 + eˣ)`.
pub fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, tch::Tensor::softplus);
    activation::softplus(x, 1.0)
}

/// `x / (1 + |x|)`.
pub fn softsign<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, |x| x / (x.abs() + 1.0));
    activation::softsign(x)
}

/// `log(sigmoid(x))`.
pub fn log_sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, tch::Tensor::log_sigmoid);
    activation::log_sigmoid(x)
}

/// `0.2 · x + 0.5` within 0 and 1, as nnabla has it.
pub fn hard_sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, |x| (x * 0.2 + 0.5).clamp(0.0, 1.0));
    (x * 0.2 + 0.5).clamp(0.0, 1.0)
}

/// `x` within -1 and 1.
pub fn hard_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, |x| x.clamp(-1.0, 1.0));
    x.clamp(-1.0, 1.0)
}

/// `x · relu6(x + 3) / 6`.
pub fn hard_swish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, tch::Tensor::hardswish);
    x.clone() * (x + 3.0).clamp(0.0, 6.0) / 6.0
}

/// `|x|`.
pub fn absolute<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, tch::Tensor::abs);
    x.abs()
}

/// A function of each number and a constant.
pub fn scalar<const D: usize>(x: Tensor<D>, function: Scalar) -> Tensor<D> {
    match function {
        Scalar::Multiply(c) => {
            or_recorded!(x, |x| x * c);
            x * c
        }
        Scalar::Add(c) => {
            or_recorded!(x, |x| x + c);
            x + c
        }
        Scalar::Power(c) => {
            or_recorded!(x, |x| x.pow_tensor_scalar(c));
            x.powf_scalar(c)
        }
        Scalar::Maximum(c) => {
            or_recorded!(x, |x| x.clamp_min(c));
            x.clamp_min(c)
        }
        Scalar::Minimum(c) => {
            or_recorded!(x, |x| x.clamp_max(c));
            x.clamp_max(c)
        }
    }
}

/// Two values, number by number; sides of length 1 are stretched.
pub fn elementwise<const D: usize>(x: Tensor<D>, y: Tensor<D>, operation: Elementwise) -> Tensor<D> {
    match operation {
        Elementwise::Multiply => multiply(x, y),
        Elementwise::Subtract => {
            or_recorded!(x, y, |x: &tch::Tensor, y: &tch::Tensor| x.g_sub(y));
            x - y
        }
        Elementwise::Divide => {
            or_recorded!(x, y, |x: &tch::Tensor, y: &tch::Tensor| x.g_div(y));
            x / y
        }
        Elementwise::Maximum => {
            or_recorded!(x, y, |x: &tch::Tensor, y: &tch::Tensor| x.maximum(y));
            let y = y.expand(x.dims());
            x.max_pair(y)
        }
        Elementwise::Minimum => {
            or_recorded!(x, y, |x: &tch::Tensor, y: &tch::Tensor| x.minimum(y));
            let y = y.expand(x.dims());
            x.min_pair(y)
        }
    }
}

/// Maps with more pixels around them, all of one value. `around` is above and below, left and right.
pub fn pad(x: Tensor<4>, around: [(usize, usize); 2], value: f32) -> Tensor<4> {
    let [(top, bottom), (left, right)] = around;
    let sides = [left, right, top, bottom];
    or_recorded!(x, |x| x.pad(sides.map(|side| side as i64), "constant", f64::from(value)));
    let [left, right, top, bottom] = sides;
    x.pad((left, right, top, bottom), value)
}

/// The first channel of each group, then the second of each, and so on.
pub fn channel_shuffle(x: Tensor<4>, groups: usize) -> Tensor<4> {
    let [images, channels, height, width] = x.dims();
    x.reshape([images, groups, channels / groups, height * width])
        .swap_dims(1, 2)
        .reshape([images, channels, height, width])
}

/// Brightness of images: `[images, 3, height, width]` to `[images, 1, height, width]`.
pub fn grey(x: Tensor<4>) -> Tensor<4> {
    let shares = Tensor::<4>::from_data(TensorData::new(LUMINANCE.to_vec(), [1, 3, 1, 1]), &x.device());
    let shares = shares.cast(x.dtype());
    or_recorded!(x, shares, |x: &tch::Tensor, shares: &tch::Tensor| {
        x.g_mul(shares).sum_dim_intlist([1_i64].as_slice(), true, None)
    });
    (x * shares).sum_dim(1)
}

/// `conv` of `[images, channels, height, width]`.
///
/// Where more zeros are wanted at one side than at the other, burn lays the padded images out with their channels first,
/// and so are those of all layers after it, which LibTorch's depthwise convolutions are many times slower with. So they are
/// padded by LibTorch here, which keeps the layout.
pub fn convolution(conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "libtorch")]
    {
        let [_, _, height, width] = x.dims();
        let ((top, bottom), (left, right)) = (same(conv, height, 0), same(conv, width, 1));
        if matches!(conv.padding, PaddingConfig2d::Same)
            && (top, left) != (bottom, right)
            && let Some(images) = crate::native::bridge::to_torch(x.clone())
        {
            let sides = [left, right, top, bottom].map(|side| side as i64);
            let padded = crate::native::bridge::from_torch(images.constant_pad_nd(sides));
            let inside = Conv2d { padding: PaddingConfig2d::Valid, ..conv.clone() };
            return inside.forward(padded);
        }
    }
    conv.forward(x)
}

/// Zeros before and after, as many as let `ceil(side / stride)` come out, as burn and TensorFlow have it.
pub(crate) fn same(conv: &Conv2d, side: usize, axis: usize) -> (usize, usize) {
    let stride = conv.stride[axis];
    let wanted = ((side.div_ceil(stride) - 1) * stride + conv.kernel_size[axis]).saturating_sub(side);
    (wanted / 2, wanted - wanted / 2)
}

/// `x + y`; sides of length 1 are stretched. `in_place` as of [`relu`], and then only those of `y` are.
pub fn add<const D: usize>(x: Tensor<D>, y: Tensor<D>, in_place: bool) -> Tensor<D> {
    or_recorded!(x, y, |x: &tch::Tensor, y: &tch::Tensor| if in_place && x.kind() == y.kind() {
        x.shallow_clone().g_add_(y)
    } else {
        x.g_add(y)
    });
    let _ = in_place;
    x + y
}

/// `x · y`, number by number; sides of length 1 are stretched.
pub fn multiply<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    or_recorded!(x, y, |x: &tch::Tensor, y: &tch::Tensor| x.g_mul(y));
    x * y
}

/// The mean over height and width: `[images, channels, height, width]` to `[images, channels]`.
pub fn global_average_pool(x: Tensor<4>) -> Tensor<2> {
    x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tolerance};

    type Unary = fn(Tensor<2>) -> Tensor<2>;

    const ALL: [(&str, Unary); 23] = [
        ("relu", |x| relu(x, false)),
        ("relu6", |x| relu6(x, false)),
        ("sigmoid", sigmoid),
        ("gelu", gelu),
        ("tanh", tanh),
        ("leaky_relu", |x| leaky_relu(x, 0.1)),
        ("elu", |x| elu(x, 0.7)),
        ("selu", selu),
        ("swish", swish),
        ("mish", mish),
        ("softplus", softplus),
        ("softsign", softsign),
        ("log_sigmoid", log_sigmoid),
        ("hard_sigmoid", hard_sigmoid),
        ("hard_tanh", hard_tanh),
        ("hard_swish", hard_swish),
        ("absolute", absolute),
        ("times 3", |x| scalar(x, Scalar::Multiply(3.0))),
        ("plus 3", |x| scalar(x, Scalar::Add(3.0))),
        ("cubed", |x| scalar(x, Scalar::Power(3.0))),
        ("at least 1", |x| scalar(x, Scalar::Maximum(1.0))),
        ("at most 1", |x| scalar(x, Scalar::Minimum(1.0))),
        ("less its square", |x| elementwise(x.clone(), multiply(x.clone(), x), Elementwise::Subtract)),
    ];

    /// No place where one of them bends.
    const AT: [[f32; 4]; 2] = [[-7.0, -2.25, -0.5, 0.25], [0.5, 1.5, 4.5, 7.0]];

    /// By hand, in 64 bits.
    fn by_hand(name: &str, x: f64) -> f64 {
        let sigmoid = 1.0 / (1.0 + (-x).exp());
        match name {
            "relu" => x.max(0.0),
            "relu6" => x.clamp(0.0, 6.0),
            "sigmoid" => sigmoid,
            "tanh" => x.tanh(),
            "leaky_relu" => x.max(0.1 * x),
            "elu" => {
                if x > 0.0 {
                    x
                } else {
                    0.7 * (x.exp() - 1.0)
                }
            }
            "selu" => 1.050_700_987_355_480_5 * if x > 0.0 { x } else { 1.673_263_242_354_377_2 * (x.exp() - 1.0) },
            "swish" => x * sigmoid,
            "mish" => x * x.exp().ln_1p().tanh(),
            "softplus" => x.exp().ln_1p(),
            "softsign" => x / (1.0 + x.abs()),
            "log_sigmoid" => sigmoid.ln(),
            "hard_sigmoid" => (0.2 * x + 0.5).clamp(0.0, 1.0),
            "hard_tanh" => x.clamp(-1.0, 1.0),
            "hard_swish" => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            "absolute" => x.abs(),
            "times 3" => 3.0 * x,
            "plus 3" => 3.0 + x,
            "cubed" => x.powi(3),
            "at least 1" => x.max(1.0),
            "at most 1" => x.min(1.0),
            "less its square" => x - x * x,
            // Φ by Simpson's rule over the density.
            _ => {
                let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
                let (steps, width) = (2000, x / 2000.0);
                let inner: f64 = (1..steps).map(|i| density(f64::from(i) * width) * f64::from(2 + 2 * (i % 2))).sum();
                x * (0.5 + width / 3.0 * (density(0.0) + density(x) + inner))
            }
        }
    }

    fn values(of: impl Fn(f64) -> f64) -> TensorData {
        TensorData::from(AT.map(|row| row.map(|x| of(f64::from(x)) as f32)))
    }

    #[test]
    fn each_is_what_it_says() {
        for (name, op) in ALL {
            let y = op(Tensor::from_data(AT, &Device::flex())).into_data();
            y.assert_approx_eq::<f32>(&values(|x| by_hand(name, x)), Tolerance::absolute(1e-5));
        }
    }

    /// The slopes too, by differences, and when the result is used again at once: in place, that would break the tape.
    #[cfg(feature = "libtorch")]
    #[test]
    fn each_is_recorded_right() {
        use crate::native::bridge::{from_torch, to_torch};
        let device = crate::device::DeviceChoice::Libtorch.open().unwrap().device;
        for (name, op) in ALL {
            let leaf = to_torch(Tensor::<2>::from_data(AT, &device)).unwrap().set_requires_grad(true);
            let _learning = crate::native::mode::Learning::begin();
            let y = add(op(from_torch(leaf.shallow_clone())), Tensor::zeros([2, 4], &device), false);
            let y = multiply(y, Tensor::ones([2, 4], &device));
            let y = to_torch(y).unwrap();
            let slope = tch::Tensor::run_backward(&[y.sum(tch::Kind::Float)], &[&leaf], false, false);
            let found = |t: tch::Tensor| from_torch::<2>(t.detach()).into_data();
            found(y).assert_approx_eq::<f32>(&values(|x| by_hand(name, x)), Tolerance::absolute(1e-5));
            let by_difference = |x| (by_hand(name, x + 1e-5) - by_hand(name, x - 1e-5)) / 2e-5;
            found(slope[0].shallow_clone()).assert_approx_eq::<f32>(&values(by_difference), Tolerance::absolute(1e-4));
        }
    }
}
