//! `--precision`: how exactly numbers are kept.

use crate::device::Opened;
use crate::error::ModelError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How exactly numbers are kept. While learning, weights always have 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits everywhere.
    #[default]
    Fp32,
    /// As fp32, but GPUs multiply with 10 bits of the fraction (TensorFloat-32). On a GPU alone.
    Tf32,
    /// Convolutions and matrix products in bfloat16, on LibTorch alone. Faster where the processor knows the type
    /// (AMX, AVX-512 BF16, GPUs), much slower elsewhere.
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fp32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}

impl Precision {
    /// The fastest for a network in use: bf16 on LibTorch where the processor knows the type, and on a GPU.
    pub fn fastest(device: &Opened) -> Self {
        if device.is_gpu() || device.is_libtorch() && processor_knows_bf16() { Self::Bf16 } else { Self::Fp32 }
    }

    /// Whether a device can do it.
    ///
    /// # Errors
    /// [`ModelError::Precision`] when it cannot.
    pub fn check(self, device: &Opened) -> Result<(), ModelError> {
        let accepted: &[Self] = if device.is_gpu() {
            &[Self::Fp32, Self::Tf32, Self::Bf16]
        } else if device.is_libtorch() {
            &[Self::Fp32, Self::Bf16]
        } else {
            &[Self::Fp32]
        };
        if accepted.contains(&self) {
            return Ok(());
        }
        let accepted: Vec<String> = accepted.iter().map(ToString::to_string).collect();
        Err(ModelError::Precision {
            asked: self.to_string(),
            device: device.name.clone(),
            accepted: accepted.join(", "),
        })
    }

    /// Tells LibTorch how its GPUs are to multiply, from now on and for the whole process.
    pub(crate) fn set_up(self, device: &Opened) {
        #[cfg(feature = "libtorch")]
        if device.is_gpu() {
            crate::native::shim::allow_tf32(self == Self::Tf32);
        }
        #[cfg(not(feature = "libtorch"))]
        let _ = device;
    }
}

#[cfg(target_arch = "x86_64")]
fn processor_knows_bf16() -> bool {
    std::arch::is_x86_feature_detected!("avx512bf16")
}

#[cfg(not(target_arch = "x86_64"))]
fn processor_knows_bf16() -> bool {
    false
}

/// `--precision` of what is only used: [`Precision`], or whichever is the fastest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum PrecisionChoice {
    /// bf16 where the machine is faster with it, else fp32.
    #[default]
    Auto,
    /// 32 bits everywhere.
    Fp32,
    /// Convolutions in bfloat16, on LibTorch alone.
    Bf16,
}

impl fmt::Display for PrecisionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fp32 => Precision::Fp32.fmt(f),
            Self::Bf16 => Precision::Bf16.fmt(f),
        }
    }
}

impl PrecisionChoice {
    /// What it means on a device.
    pub fn on(self, device: &Opened) -> Precision {
        match self {
            Self::Auto => Precision::fastest(device),
            Self::Fp32 => Precision::Fp32,
            Self::Bf16 => Precision::Bf16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;

    #[test]
    fn flex_has_32_bits_and_says_so() {
        let flex = DeviceChoice::Flex.open().unwrap();
        assert_eq!(PrecisionChoice::Auto.on(&flex), Precision::Fp32);
        let error = PrecisionChoice::Bf16.on(&flex).check(&flex).unwrap_err().to_string();
        assert!(error.contains("--precision bf16") && error.contains("flex") && error.contains("fp32"), "{error}");
    }

    #[test]
    fn tf32_is_for_gpus() {
        for opened in crate::device::available().iter().filter(|name| !name.contains("cuda")) {
            let opened = opened.parse::<DeviceChoice>().unwrap().open().unwrap();
            let error = Precision::Tf32.check(&opened).unwrap_err().to_string();
            assert!(error.contains("--precision tf32") && error.contains(&opened.name), "{error}");
        }
    }
}
