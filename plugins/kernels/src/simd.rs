//! Vectors of 32-bit floats in the widest registers of the processor, chosen when the program runs.
//!
//! A kernel is generic over `Simd` and called through `Level::run`, which enters a function compiled for these
//! instructions; everything in between is inlined into it.

/// Instruction sets there are kernels for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Four lanes, by what every processor of the target has: SSE2, NEON.
    Portable,
    /// Eight lanes: AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixteen lanes: AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Something to be done with vectors of any width.
pub(crate) trait Kernel {
    /// Does it.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    unsafe fn run<S: Simd>(self);
}

impl Level {
    /// The best of this processor.
    pub fn detect() -> Self {
        Self::available().last().copied().unwrap_or(Self::Portable)
    }

    /// Those of this processor, the best one last.
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                levels.push(Self::Avx2);
            }
            if std::arch::is_x86_feature_detected!("avx512f") {
                levels.push(Self::Avx512);
            }
        }
        levels
    }

    /// Lanes of a vector.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::Portable => <[f32; 4] as Simd>::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::Avx512::LANES,
        }
    }

    /// Runs a kernel with its instructions. `self` is one of [`Level::available`].
    pub(crate) fn run(self, kernel: impl Kernel) {
        // SAFETY: a level is only made where the processor has its instructions.
        unsafe {
            match self {
                Self::Portable => kernel.run::<[f32; 4]>(),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => x86::with_avx2(kernel),
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => x86::with_avx512(kernel),
            }
        }
    }
}

/// A vector of 32-bit floats.
///
/// # Safety
/// All functions need the processor to have the instructions; pointers must be good for [`Simd::LANES`] floats.
pub(crate) trait Simd: Copy {
    /// Floats in it.
    const LANES: usize;
    /// Rows of a tile of a matrix product, which with two vectors a row fill the registers.
    const ROWS: usize;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn splat(value: f32) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// `self · by + plus`.
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self;
    /// Cut off at `low` and `high`; NaN stays NaN.
    unsafe fn clamp(self, low: Self, high: Self) -> Self;
}

impl Simd for [f32; 4] {
    const LANES: usize = 4;
    const ROWS: usize = if cfg!(target_arch = "aarch64") { 12 } else { 4 };

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: good for four floats.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: good for four floats.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] + other[i])
    }

    #[inline(always)]
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
        // Without such an instruction `mul_add` is a slow function of the C library.
        if cfg!(target_arch = "aarch64") {
            std::array::from_fn(|i| self[i].mul_add(by[i], plus[i]))
        } else {
            std::array::from_fn(|i| self[i] * by[i] + plus[i])
        }
    }

    #[inline(always)]
    unsafe fn clamp(self, low: Self, high: Self) -> Self {
        std::array::from_fn(|i| {
            let above = if self[i] < low[i] { low[i] } else { self[i] };
            if above > high[i] { high[i] } else { above }
        })
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Kernel, Simd};
    use std::arch::x86_64::{
        __m256, __m512, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_set1_ps,
        _mm256_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_min_ps,
        _mm512_set1_ps, _mm512_storeu_ps,
    };

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn with_avx2(kernel: impl Kernel) {
        // SAFETY: this function's.
        unsafe { kernel.run::<Avx2>() }
    }

    #[target_feature(enable = "avx512f,avx2,fma")]
    pub(super) unsafe fn with_avx512(kernel: impl Kernel) {
        // SAFETY: this function's.
        unsafe { kernel.run::<Avx512>() }
    }

    macro_rules! vector {
        ($name:ident, $inner:ty, $lanes:literal, $rows:literal, $load:ident, $store:ident, $splat:ident, $add:ident,
         $fma:ident, $min:ident, $max:ident) => {
            #[derive(Clone, Copy)]
            pub(crate) struct $name($inner);

            impl Simd for $name {
                const LANES: usize = $lanes;
                const ROWS: usize = $rows;

                #[inline(always)]
                unsafe fn load(from: *const f32) -> Self {
                    // SAFETY: as the trait says; so are those below.
                    Self(unsafe { $load(from) })
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut f32) {
                    // SAFETY: see `load`.
                    unsafe { $store(to, self.0) }
                }

                #[inline(always)]
                unsafe fn splat(value: f32) -> Self {
                    // SAFETY: see `load`.
                    Self(unsafe { $splat(value) })
                }

                #[inline(always)]
                unsafe fn add(self, other: Self) -> Self {
                    // SAFETY: see `load`.
                    Self(unsafe { $add(self.0, other.0) })
                }

                #[inline(always)]
                unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
                    // SAFETY: see `load`.
                    Self(unsafe { $fma(self.0, by.0, plus.0) })
                }

                #[inline(always)]
                unsafe fn clamp(self, low: Self, high: Self) -> Self {
                    // Both give the second number where one is NaN.
                    // SAFETY: see `load`.
                    Self(unsafe { $min(high.0, $max(low.0, self.0)) })
                }
            }
        };
    }

    vector!(
        Avx2,
        __m256,
        8,
        6,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_set1_ps,
        _mm256_add_ps,
        _mm256_fmadd_ps,
        _mm256_min_ps,
        _mm256_max_ps
    );
    vector!(
        Avx512,
        __m512,
        16,
        12,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_set1_ps,
        _mm512_add_ps,
        _mm512_fmadd_ps,
        _mm512_min_ps,
        _mm512_max_ps
    );
}
