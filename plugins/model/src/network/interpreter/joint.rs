//! A convolution and what follows it, computed together.

use crate::device::precision::Precision;
use crate::network::ops::{add, convolution, relu, relu6};
use burn::module::Param;
use burn::nn::conv::Conv2d;
use burn::tensor::{DType, Tensor};
use plugin_blocks::Activation;

/// What follows a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing.
    Nothing,
    /// A second value is added.
    Sum,
    /// Negative numbers become 0.
    Relu,
    /// Numbers are cut off at 0 and 6.
    Relu6,
    /// A second value is added, then negative numbers become 0.
    SumAndRelu,
    /// A second value is added, then numbers are cut off at 0 and 6.
    SumAndRelu6,
}

/// A convolution and what follows it.
#[derive(Debug)]
pub(crate) struct Joint {
    conv: Conv2d,
    then: Then,
    #[cfg(feature = "libtorch")]
    packed: Option<super::packed::Packed>,
}

impl Joint {
    /// Nothing follows as yet.
    pub fn new(conv: Conv2d) -> Self {
        Self {
            conv,
            then: Then::Nothing,
            #[cfg(feature = "libtorch")]
            packed: None,
        }
    }

    /// What follows.
    pub fn then(&self) -> Then {
        self.then
    }

    /// The convolution alone.
    pub fn conv(&self) -> &Conv2d {
        &self.conv
    }

    /// Whether each channel has a window of its own.
    pub fn is_depthwise(&self) -> bool {
        self.conv.groups > 1 && self.conv.weight.dims()[1] == 1
    }

    /// Lets an activation follow; whether it is one that can.
    pub fn activate(&mut self, activation: Activation) -> bool {
        self.then = match (self.then, activation) {
            (Then::Nothing, Activation::Relu) => Then::Relu,
            (Then::Nothing, Activation::Relu6) => Then::Relu6,
            (Then::Sum, Activation::Relu) => Then::SumAndRelu,
            (Then::Sum, Activation::Relu6) => Then::SumAndRelu6,
            _ => return false,
        };
        true
    }

    /// Lets a sum with a second value follow.
    pub fn add(&mut self) {
        self.then = Then::Sum;
    }

    /// Lays the weights out for maps `[channels, height, width]`, in the precision they are used in.
    pub fn pack(&mut self, map: [usize; 3], precision: Precision) {
        if precision == Precision::Bf16 {
            let Conv2d { weight, bias, .. } = &mut self.conv;
            *weight = Param::from_tensor(weight.val().cast(DType::BF16));
            if let Some(bias) = bias {
                *bias = Param::from_tensor(bias.val().cast(DType::BF16));
            }
        }
        #[cfg(feature = "libtorch")]
        {
            self.packed = super::packed::Packed::new(&self.conv, map, self.then);
        }
        #[cfg(not(feature = "libtorch"))]
        let _ = map;
    }

    /// Of a map, and what is added to it if anything is.
    pub fn run(&self, mut inputs: Vec<Tensor<4>>) -> Tensor<4> {
        let dtype = self.conv.weight.val().dtype();
        let other = if inputs.len() > 1 { inputs.pop().map(|other| other.cast(dtype)) } else { None };
        let x = inputs.swap_remove(0).cast(dtype);
        #[cfg(feature = "libtorch")]
        if let Some(y) = self.packed.as_ref().and_then(|packed| packed.run(&x, other.as_ref())) {
            return y;
        }
        let y = convolution(&self.conv, x);
        let y = match other {
            Some(other) => add(y, other, false),
            None => y,
        };
        match self.then {
            Then::Nothing | Then::Sum => y,
            Then::Relu | Then::SumAndRelu => relu(y, false),
            Then::Relu6 | Then::SumAndRelu6 => relu6(y, false),
        }
    }
}
