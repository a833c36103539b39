//! Mixed precision: convolutions and matrix products in bfloat16, everything that sums or normalises in 32 bits.

use super::shim;
use tch::{Device, TchError};

/// While it lives, LibTorch's autocast is on for this thread.
pub struct Autocast {
    device: Device,
}

impl Autocast {
    /// Switches it on. Meant for the forward pass alone: the backward pass takes the same types by itself.
    ///
    /// # Errors
    /// LibTorch's.
    pub fn begin(device: Device) -> Result<Self, TchError> {
        shim::autocast(device, true)?;
        Ok(Self { device })
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        // It could be switched on, so it can be switched off.
        let _ = shim::autocast(self.device, false);
    }
}
