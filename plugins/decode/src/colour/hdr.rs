//! Pixels of high dynamic range (PQ, HLG) as an ordinary screen shows them.
//!
//! Light is taken in units of reference white, 203 cd/m² (ITU-R BT.2408), its primaries turned into sRGB's, and what is
//! near white or brighter rolled off by its largest channel, so that hues stay.
//! Source: ITU-R BT.2100, tables 4 and 5.

use super::Cicp;

/// Reference white, cd/m².
const WHITE: f64 = 203.0;
/// Light in units of white from which it is rolled off.
const KNEE: f64 = 0.75;

/// Converts RGB pixels of PQ (transfer 16) or HLG (18) to sRGB, in place.
pub fn to_srgb(pixels: &mut [u8], cicp: Cicp) {
    let light: Vec<f64> = (0..=255).map(|level| decoded(f64::from(level) / 255.0, cicp.transfer)).collect();
    let levels: Vec<u8> = (0..=4095).map(|step| encoded(f64::from(step) / 4095.0)).collect();
    let matrix = matrix(cicp.primaries);
    for pixel in pixels.as_chunks_mut::<3>().0 {
        let from = pixel.map(|value| light[usize::from(value)]);
        let linear = matrix.map(|row| row.iter().zip(from).map(|(m, value)| m * value).sum::<f64>().max(0.0));
        let largest = linear.into_iter().fold(0.0, f64::max);
        let scale = if largest > KNEE { rolled_off(largest) / largest } else { 1.0 };
        *pixel = linear.map(|value| levels[((value * scale).min(1.0) * 4095.0) as usize]);
    }
}

/// From the knee on, light goes towards 1 ever more slowly.
fn rolled_off(x: f64) -> f64 {
    let over = (x - KNEE) / (1.0 - KNEE);
    KNEE + (1.0 - KNEE) * over / (1.0 + over)
}

/// Light in units of reference white.
fn decoded(x: f64, transfer: u16) -> f64 {
    if transfer == 16 {
        let power = x.powf(1.0 / 78.843_75);
        let light =
            ((power - 0.835_937_5).max(0.0) / (18.851_562_5 - 18.687_5 * power)).powf(1.0 / 0.159_301_757_812_5);
        light * 10_000.0 / WHITE
    } else {
        let scene =
            if x <= 0.5 { x * x / 3.0 } else { (((x - 0.559_910_73) / 0.178_832_77).exp() + 0.284_668_92) / 12.0 };
        // A screen of 1,000 cd/m² with a system gamma of 1.2.
        scene.powf(1.2) * 1000.0 / WHITE
    }
}

/// Light in 0 to 1 as a level of sRGB.
pub fn encoded(light: f64) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let value = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (value * 255.0).round() as u8
}

/// From linear light of other primaries to linear sRGB.
const fn matrix(primaries: u16) -> [[f64; 3]; 3] {
    match primaries {
        9 => [[1.660_5, -0.587_6, -0.072_8], [-0.124_6, 1.132_9, -0.008_3], [-0.018_2, -0.100_6, 1.118_7]],
        11 | 12 => [[1.224_9, -0.224_7, 0.0], [-0.042_0, 1.041_9, 0.0], [-0.019_7, -0.078_6, 1.097_9]],
        _ => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_white_is_nearly_white_and_black_is_black() {
        // PQ's code for 203 cd/m² is 58 % of the range; HLG's 75 %.
        for (level, transfer) in [(148, 16), (191, 18)] {
            let mut pixels = [level, level, level, 0, 0, 0, 255, 255, 255];
            to_srgb(&mut pixels, Cicp { primaries: 9, transfer });
            assert!((225..=250).contains(&pixels[0]), "{pixels:?}");
            assert!(pixels[3] == 0 && pixels[6] > pixels[0], "{pixels:?}");
        }
    }
}
