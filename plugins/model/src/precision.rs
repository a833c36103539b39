//! `--precision`: how exactly numbers are kept while learning.

use serde::{Deserialize, Serialize};

/// How exactly numbers are kept while learning. Weights always have 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits everywhere.
    #[default]
    Fp32,
    /// Convolutions and matrix products in bfloat16, on LibTorch alone. Faster where the processor knows the type
    /// (AMX, AVX-512 BF16, GPUs), much slower elsewhere.
    Bf16,
}
