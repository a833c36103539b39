//! `--device`: where networks are computed. The only module that knows what devices there are.
//!
//! `flex` is burn's own CPU code and always there. LibTorch comes with the cargo feature `libtorch`.

pub mod precision;
pub(crate) mod upload;

use crate::error::ModelError;
use burn::tensor::Device;
use std::fmt;
use std::str::FromStr;

/// The value of `--device`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The fastest there is: LibTorch on a GPU, else LibTorch on the CPU, else flex.
    #[default]
    Auto,
    /// burn's own CPU code.
    Flex,
    /// LibTorch on the CPU.
    Libtorch,
    /// LibTorch on GPU number N.
    LibtorchCuda(usize),
}

const ACCEPTED: &str = "auto, flex, libtorch, libtorch-cuda:N";

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Flex => f.write_str("flex"),
            Self::Libtorch => f.write_str("libtorch"),
            Self::LibtorchCuda(n) => write!(f, "libtorch-cuda:{n}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "flex" => Ok(Self::Flex),
            "libtorch" => Ok(Self::Libtorch),
            _ => text
                .strip_prefix("libtorch-cuda:")
                .and_then(|n| n.parse().ok())
                .map(Self::LibtorchCuda)
                .ok_or_else(|| format!("accepted are: {ACCEPTED}")),
        }
    }
}

/// A device that is there.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What it is called: `flex`, `libtorch`, `libtorch-cuda:0`; never `auto`.
    pub name: String,
    /// burn's handle, without autodiff.
    pub device: Device,
}

impl Opened {
    /// Whether LibTorch computes here.
    pub fn is_libtorch(&self) -> bool {
        self.name.starts_with("libtorch")
    }

    /// Whether it is a GPU.
    pub fn is_gpu(&self) -> bool {
        self.name.starts_with("libtorch-cuda")
    }
}

impl DeviceChoice {
    /// Finds the device.
    ///
    /// # Errors
    /// [`ModelError::Device`] when it was not built in or is not there; the text says what is.
    pub fn open(self) -> Result<Opened, ModelError> {
        let choice = match self {
            Self::Auto if libtorch::GPUS && libtorch::gpus() > 0 => Self::LibtorchCuda(0),
            Self::Auto if libtorch::BUILT_IN => Self::Libtorch,
            Self::Auto => Self::Flex,
            other => other,
        };
        let refuse = |problem: &str| ModelError::Device {
            asked: choice.to_string(),
            problem: problem.to_owned(),
            accepted: available().join(", "),
        };
        let device = match choice {
            Self::Auto | Self::Flex => Device::flex(),
            _ if !libtorch::BUILT_IN => {
                return Err(refuse("LibTorch is not built in (build with `--features libtorch` to have it)"));
            }
            Self::Libtorch => libtorch::cpu(),
            Self::LibtorchCuda(_) if !libtorch::GPUS => {
                return Err(refuse(
                    "the LibTorch that was built in is the one for the CPU alone (set LIBTORCH to one \
                                   with lib/libtorch_cuda.so and build again)",
                ));
            }
            Self::LibtorchCuda(n) if n >= libtorch::gpus() => {
                return Err(refuse(&format!("LibTorch finds {} GPU(s) on this machine", libtorch::gpus())));
            }
            Self::LibtorchCuda(n) => libtorch::cuda(n),
        };
        Ok(Opened { name: choice.to_string(), device })
    }
}

/// Values of `--device` that work here, besides `auto`.
pub fn available() -> Vec<String> {
    let mut names = vec!["auto".to_owned(), "flex".to_owned()];
    if libtorch::BUILT_IN {
        names.push("libtorch".to_owned());
        names.extend((0..libtorch::gpus()).map(|n| format!("libtorch-cuda:{n}")));
    }
    names
}

#[cfg(feature = "libtorch")]
mod libtorch {
    use burn::tensor::{Device, DeviceType};

    pub const BUILT_IN: bool = true;
    /// burn-tch bakes in a panic for GPUs when `libtorch_cuda.so` was not there at build time.
    pub const GPUS: bool = cfg!(libtorch_cuda);

    #[allow(deprecated)]
    pub fn cpu() -> Device {
        Device::libtorch()
    }

    #[allow(deprecated)]
    pub fn cuda(n: usize) -> Device {
        Device::libtorch_cuda(n)
    }

    pub fn gpus() -> usize {
        if !GPUS {
            return 0;
        }
        // burn lists LibTorch's GPUs here, not its CPU.
        Device::enumerate(DeviceType::LibTorch).into_vec().len()
    }
}

#[cfg(not(feature = "libtorch"))]
mod libtorch {
    use burn::tensor::Device;

    pub const BUILT_IN: bool = false;
    pub const GPUS: bool = false;

    pub fn cpu() -> Device {
        Device::flex()
    }

    pub fn cuda(_: usize) -> Device {
        Device::flex()
    }

    pub fn gpus() -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_survives_the_round_trip() {
        for text in ["auto", "flex", "libtorch", "libtorch-cuda:3"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn another_value_is_refused_with_the_accepted_ones() {
        for text in ["cuda", "libtorch-cuda:", "libtorch-cuda:x", ""] {
            assert!(text.parse::<DeviceChoice>().unwrap_err().contains("libtorch-cuda:N"), "{text}");
        }
    }

    #[test]
    fn flex_is_always_there_and_auto_never_fails() {
        assert_eq!(DeviceChoice::Flex.open().unwrap().name, "flex");
        assert_ne!(DeviceChoice::Auto.open().unwrap().name, "auto");
    }

    #[cfg(not(feature = "libtorch"))]
    #[test]
    fn what_is_not_built_in_is_refused_with_the_way_to_get_it() {
        let error = DeviceChoice::Libtorch.open().unwrap_err().to_string();
        assert!(error.contains("--features libtorch") && error.contains("flex"), "{error}");
        assert!(error.contains("--device libtorch"), "{error}");
    }

    #[test]
    fn a_gpu_that_is_not_there_is_refused() {
        let error = DeviceChoice::LibtorchCuda(99).open().unwrap_err().to_string();
        assert!(error.contains("--device libtorch-cuda:99") && error.contains("flex"), "{error}");
    }
}
