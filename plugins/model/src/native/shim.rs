//! The way into `shim.cpp`. All unsafe code of the crate is here.
#![allow(
    unsafe_code,
    reason = "calls C++: tch has no fused optimizers, its autocast is for GPUs alone, and it lays no weights out for oneDNN"
)]

use std::ffi::{CStr, c_char, c_int};
use tch::{Device, TchError, Tensor};

/// LibTorch's tensor as C++ sees it.
type Raw = *mut torch_tensor;

/// `at::Tensor`.
#[repr(C)]
#[allow(non_camel_case_types)]
struct torch_tensor {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn wakuteka_adam(
        weights: *const Raw,
        gradients: *const Raw,
        means: *const Raw,
        squares: *const Raw,
        count: usize,
        step: Raw,
        rate: f64,
        beta1: f64,
        beta2: f64,
        decay: f64,
        epsilon: f64,
        decoupled: bool,
    ) -> *const c_char;
    fn wakuteka_sgd(
        weights: *const Raw,
        gradients: *const Raw,
        momenta: *const Raw,
        count: usize,
        rate: f64,
        momentum: f64,
        decay: f64,
    ) -> *const c_char;
    fn wakuteka_autocast(device: c_int, on: bool) -> *const c_char;
    fn wakuteka_allow_tf32(allow: bool);
    fn wakuteka_pack(weight: Raw, window: *const i64, input: *const i64, packed: *mut Raw) -> *const c_char;
    fn wakuteka_convolution(
        x: Raw,
        weight: Raw,
        bias: Raw,
        other: Raw,
        window: *const i64,
        limit: c_int,
        y: *mut Raw,
    ) -> *const c_char;
}

fn raw(tensor: &Tensor) -> Raw {
    tensor.as_ptr().cast_mut().cast()
}

fn raws(tensors: &[Tensor]) -> Vec<Raw> {
    tensors.iter().map(raw).collect()
}

fn result(problem: *const c_char) -> Result<(), TchError> {
    if problem.is_null() {
        return Ok(());
    }
    // SAFETY: the text ends with a zero and stays until this thread's next call, which is not before the copy.
    let text = unsafe { CStr::from_ptr(problem) };
    Err(TchError::Torch(text.to_string_lossy().into_owned()))
}

/// What [`adam`] needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Learning rate.
    pub rate: f64,
    /// Of the running means of gradients and of their squares.
    pub betas: (f64, f64),
    /// Pull towards zero.
    pub decay: f64,
    /// Guard against division by zero.
    pub epsilon: f64,
    /// Whether the pull is apart from the gradient, as in AdamW.
    pub decoupled: bool,
}

/// One step of Adam, all weights in place. `step` is how many there were with this one, a tensor of one float. All lists are
/// of the same length; the tensors of one place have the same shape and strides.
///
/// # Errors
/// LibTorch's.
pub fn adam(
    weights: &[Tensor],
    gradients: &[Tensor],
    means: &[Tensor],
    squares: &[Tensor],
    step: &Tensor,
    how: Adam,
) -> Result<(), TchError> {
    let count = weights.len();
    if [gradients, means, squares].iter().any(|list| list.len() != count) {
        return Err(TchError::Shape("as many gradients and means as weights".to_owned()));
    }
    let lists = [raws(weights), raws(gradients), raws(means), raws(squares)];
    // SAFETY: the pointers are of `count` living tensors each; C++ copies their handles and keeps none.
    result(unsafe {
        wakuteka_adam(
            lists[0].as_ptr(),
            lists[1].as_ptr(),
            lists[2].as_ptr(),
            lists[3].as_ptr(),
            count,
            raw(step),
            how.rate,
            how.betas.0,
            how.betas.1,
            how.decay,
            how.epsilon,
            how.decoupled,
        )
    })
}

/// One step of gradient descent with momentum, all weights in place. Lists as in [`adam`].
///
/// # Errors
/// LibTorch's.
pub fn sgd(
    weights: &[Tensor],
    gradients: &[Tensor],
    momenta: &[Tensor],
    rate: f64,
    momentum: f64,
    decay: f64,
) -> Result<(), TchError> {
    let count = weights.len();
    if [gradients, momenta].iter().any(|list| list.len() != count) {
        return Err(TchError::Shape("as many gradients and momenta as weights".to_owned()));
    }
    let lists = [raws(weights), raws(gradients), raws(momenta)];
    // SAFETY: as in `adam`.
    result(unsafe {
        wakuteka_sgd(lists[0].as_ptr(), lists[1].as_ptr(), lists[2].as_ptr(), count, rate, momentum, decay)
    })
}

/// Switches bfloat16 autocast on or off for this thread. Calls must come in pairs.
///
/// # Errors
/// LibTorch's.
pub fn autocast(device: Device, on: bool) -> Result<(), TchError> {
    // c10::DeviceType: CPU 0, CUDA 1.
    let device = c_int::from(device.is_cuda());
    // SAFETY: no pointers.
    result(unsafe { wakuteka_autocast(device, on) })
}

/// Whether GPUs multiply 32 bit numbers with 10 bits of the fraction, for the whole process.
pub fn allow_tf32(allow: bool) {
    // SAFETY: no pointers; two flags are set.
    unsafe { wakuteka_allow_tf32(allow) }
}

/// How a convolution goes over a map, height before width.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Zeros at each side.
    pub padding: [i64; 2],
    /// Pixels from one place to the next.
    pub stride: [i64; 2],
    /// Pixels between two weights of a row, plus one.
    pub dilation: [i64; 2],
    /// Groups of channels.
    pub groups: i64,
}

impl Window {
    fn numbers(&self) -> [i64; 7] {
        let Self { padding: [p, q], stride: [s, t], dilation: [d, e], groups } = *self;
        [p, q, s, t, d, e, groups]
    }
}

/// Where the numbers that a convolution gives are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Nowhere.
    None,
    /// At 0.
    Below,
    /// At 0 and at 6.
    BelowAndSix,
}

/// Lays the weights of a convolution out as oneDNN wants them for maps of a shape `[images, channels, height, width]`.
///
/// # Errors
/// LibTorch's, when oneDNN has no such convolution.
pub fn pack(weight: &Tensor, window: &Window, input: [i64; 4]) -> Result<Tensor, TchError> {
    let mut packed: Raw = std::ptr::null_mut();
    // SAFETY: the weight lives, and the lists have the lengths C++ reads.
    result(unsafe { wakuteka_pack(raw(weight), window.numbers().as_ptr(), input.as_ptr(), &raw mut packed) })?;
    // SAFETY: a new tensor that belongs to nobody else.
    Ok(unsafe { Tensor::from_ptr(packed.cast()) })
}

/// A convolution with weights of [`pack`], after which `other` is added and the numbers are cut off.
///
/// # Errors
/// LibTorch's.
pub fn convolution(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    other: Option<&Tensor>,
    window: &Window,
    limit: Limit,
) -> Result<Tensor, TchError> {
    let or_null = |tensor: Option<&Tensor>| tensor.map_or(std::ptr::null_mut(), raw);
    let limit = match limit {
        Limit::None => 0,
        Limit::Below => 1,
        Limit::BelowAndSix => 2,
    };
    let mut y: Raw = std::ptr::null_mut();
    // SAFETY: all tensors live, or are null where C++ expects that; the list has the length it reads.
    result(unsafe {
        wakuteka_convolution(
            raw(x),
            raw(weight),
            or_null(bias),
            or_null(other),
            window.numbers().as_ptr(),
            limit,
            &raw mut y,
        )
    })?;
    // SAFETY: a new tensor that belongs to nobody else.
    Ok(unsafe { Tensor::from_ptr(y.cast()) })
}

/// A tensor that several threads read.
pub struct Shared(Tensor);

// SAFETY: nobody gets it but to read, which ATen allows from several threads: what it counts of its readers is atomic.
unsafe impl Sync for Shared {}

impl Shared {
    /// Nobody else may change what is in it.
    pub fn new(tensor: Tensor) -> Self {
        Self(tensor)
    }

    /// To be read alone.
    pub fn get(&self) -> &Tensor {
        &self.0
    }
}
