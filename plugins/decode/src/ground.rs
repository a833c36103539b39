//! Transparency: what stands behind the transparent parts of an image.
//!
//! White, as in browsers and on paper, unless nothing would be seen of it: where at least 1 % of the area is transparent
//! and less than 10 % of what is visible differs from white by [`FROM_WHITE`] levels or more in any channel, the ground
//! is a dark grey ([`DARK`]). A white drawing on nothing is so a white drawing on dark grey, and a black or coloured one
//! stays on white. The choice depends on the image alone.

/// The ground behind what is as good as white.
pub const DARK: u8 = 48;
/// Levels from white, in the channel that differs most, from which a pixel is told from white.
const FROM_WHITE: u8 = 48;

/// Lays RGB pixels over their ground. `alpha` has one byte a pixel.
pub fn lay(rgb: &mut [u8], alpha: &[u8]) {
    let ground = choose(rgb, alpha);
    for (pixel, &alpha) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(alpha) {
        if alpha != 255 {
            *pixel = pixel.map(|value| over(value, alpha, ground));
        }
    }
}

/// A value laid over another.
pub const fn over(value: u8, alpha: u8, ground: u8) -> u8 {
    ((value as u32 * alpha as u32 + ground as u32 * (255 - alpha as u32) + 127) / 255) as u8
}

/// A value that was multiplied by alpha, as it was before.
pub fn divided(value: u8, alpha: u8) -> u8 {
    if alpha == 0 { 0 } else { ((u32::from(value) * 255 + u32::from(alpha) / 2) / u32::from(alpha)).min(255) as u8 }
}

/// The level of grey behind an image.
fn choose(rgb: &[u8], alpha: &[u8]) -> u8 {
    let mut transparent = 0_u64;
    let mut visible = 0_u64;
    let mut told_from_white = 0_u64;
    for (&[r, g, b], &alpha) in rgb.as_chunks::<3>().0.iter().zip(alpha) {
        transparent += u64::from(255 - alpha);
        visible += u64::from(alpha);
        if r.min(g).min(b) <= 255 - FROM_WHITE {
            told_from_white += u64::from(alpha);
        }
    }
    let is_whole = transparent * 100 < transparent + visible;
    if is_whole || visible == 0 || told_from_white * 10 >= visible { 255 } else { DARK }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten pixels of one ink, of which `drawn` are visible.
    fn laid(ink: [u8; 3], drawn: usize) -> Vec<u8> {
        let mut rgb = [ink; 10].concat();
        let alpha: Vec<u8> = (0..10).map(|n| if n < drawn { 255 } else { 0 }).collect();
        lay(&mut rgb, &alpha);
        rgb
    }

    #[test]
    fn the_ground_differs_from_the_ink() {
        assert_eq!(laid([255, 255, 255], 4)[9..15], [255, 255, 255, DARK, DARK, DARK]);
        assert_eq!(laid([240, 240, 230], 4)[12..15], [DARK; 3]);
        assert_eq!(laid([0, 0, 0], 4)[12..15], [255; 3]);
        assert_eq!(laid([128, 128, 128], 4)[12..15], [255; 3]);
        assert_eq!(laid([255, 230, 0], 4)[12..15], [255; 3]);
        assert_eq!(laid([255, 255, 255], 0), [255; 30]);
    }

    #[test]
    fn half_transparent_ink_is_mixed() {
        let mut rgb = vec![255, 0, 0];
        lay(&mut rgb, &[128]);
        assert_eq!(rgb, [255, 127, 127]);
    }
}
