//! Samples of more than 8 bits as 8 bits.
//!
//! The rule for 16 bits: values are taken over the full range, 0 to 65535, unless none reaches 16384, a quarter of it. Then the
//! file holds fewer bits in 16 (12 of an X-ray or a microscope, 10, 14, or 8), and the range is that of as many bits as its
//! largest value has, at least 8. Whole numbers of 32 bits always go by the bits of the largest value. Floating-point
//! values go from 0 to 1, and where they leave that range, from their least to their largest; what is no number is 0.

/// The value of 16 bits that becomes 255, by the largest value there is.
fn full_scale(largest: u16) -> u16 {
    if largest >= 1 << 14 {
        return u16::MAX;
    }
    let bits = (u16::BITS - largest.leading_zeros()).max(8);
    (1 << bits) - 1
}

/// Colour or grey samples of 16 bits.
pub fn narrow(samples: &[u16]) -> Vec<u8> {
    narrow_within(samples, full_scale(samples.iter().copied().max().unwrap_or(0)))
}

/// Samples of 16 bits of which `full` becomes 255.
pub fn narrow_within(samples: &[u16], full: u16) -> Vec<u8> {
    let (full, half) = (u32::from(full.max(1)), u32::from(full / 2));
    samples.iter().map(|value| ((u32::from(*value) * 255 + half) / full).min(255) as u8).collect()
}

/// Whole numbers of any size, none negative.
pub fn narrow_whole(samples: &[f64]) -> Vec<u8> {
    let largest = samples.iter().copied().fold(0.0, f64::max).min(u64::MAX as f64) as u64;
    let bits = (u64::BITS - largest.leading_zeros()).max(8);
    let full = 2_f64.powi(bits as i32) - 1.0;
    samples.iter().map(|value| (value.max(0.0) * 255.0 / full).round() as u8).collect()
}

/// Floating-point numbers, or whole ones that may be negative.
pub fn narrow_float(samples: &[f64]) -> Vec<u8> {
    let finite = || samples.iter().copied().filter(|value| value.is_finite());
    let (least, largest) = finite().fold((0.0_f64, 1.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let (least, largest) = if least < 0.0 || largest > 1.0 {
        finite().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
    } else {
        (least, largest)
    };
    let range = if largest > least { largest - least } else { 1.0 };
    let level = |value: &f64| if value.is_finite() { ((value - least) / range * 255.0).round() as u8 } else { 0 };
    samples.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_are_full_unless_little_of_them_is_used() {
        assert_eq!(narrow(&[0, 65_535, 32_768]), [0, 255, 128]);
        assert_eq!(narrow(&[0, 16_384]), [0, 64]);
        assert_eq!(narrow(&[0, 4095, 2048]), [0, 255, 128]);
        assert_eq!(narrow(&[0, 3000, 16]), [0, 187, 1]);
        assert_eq!(narrow(&[7, 200]), [7, 200]);
        assert_eq!(narrow(&[0, 0]), [0, 0]);
    }

    #[test]
    fn other_numbers_are_stretched() {
        assert_eq!(narrow_whole(&[0.0, 1_048_575.0]), [0, 255]);
        assert_eq!(narrow_whole(&[0.0, f64::from(u32::MAX), -3.0]), [0, 255, 0]);
        assert_eq!(narrow_float(&[0.0, 0.5, 1.0, f64::NAN]), [0, 128, 255, 0]);
        assert_eq!(narrow_float(&[-100.0, 0.0, 100.0]), [0, 128, 255]);
        assert_eq!(narrow_float(&[1000.0, 3000.0, 2000.0]), [0, 255, 128]);
        assert_eq!(narrow_float(&[f64::INFINITY, 0.25]), [0, 64]);
        assert_eq!(narrow_float(&[7.0, 7.0]), [0, 0]);
    }
}
