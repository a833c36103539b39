//! The two inner loops, four rows at a time so that a weight is loaded once for four of them. Plain loops over
//! arrays of sixteen, which the compiler turns into vector instructions.

/// Rows that are worked on together.
pub const ROWS: usize = 4;
const LANES: usize = 16;

/// The dot products of four rows with one row of weights. All are equally long.
#[allow(unsafe_code)]
pub fn dots(rows: [&[f32]; ROWS], weights: &[f32]) -> [f32; ROWS] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { dots_avx2(rows, weights) };
    }
    dots_plainly(rows, weights)
}

/// Adds to `sums` every row times its factor. All are equally long.
#[allow(unsafe_code)]
pub fn add_scaled(sums: &mut [f32], rows: [&[f32]; ROWS], factors: [f32; ROWS]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { add_scaled_avx2(sums, rows, factors) };
    }
    add_scaled_plainly(sums, rows, factors);
}

/// The same code, compiled for AVX2: eight numbers at a time instead of four, in the same order, so with the same result.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dots_avx2(rows: [&[f32]; ROWS], weights: &[f32]) -> [f32; ROWS] {
    dots_plainly(rows, weights)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_scaled_avx2(sums: &mut [f32], rows: [&[f32]; ROWS], factors: [f32; ROWS]) {
    add_scaled_plainly(sums, rows, factors);
}

#[allow(clippy::inline_always, reason = "its caller's instructions are only used when it becomes part of the caller")]
#[inline(always)]
fn dots_plainly(rows: [&[f32]; ROWS], weights: &[f32]) -> [f32; ROWS] {
    let (w, w_rest) = weights.as_chunks::<LANES>();
    let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] = rows.map(<[f32]>::as_chunks::<LANES>);
    let mut sums = [[0_f32; LANES]; ROWS];
    for ((((w, a), b), c), d) in w.iter().zip(a).zip(b).zip(c).zip(d) {
        for lane in 0..LANES {
            sums[0][lane] += w[lane] * a[lane];
            sums[1][lane] += w[lane] * b[lane];
            sums[2][lane] += w[lane] * c[lane];
            sums[3][lane] += w[lane] * d[lane];
        }
    }
    let rest = |row: &[f32]| -> f32 { row.iter().zip(w_rest).map(|(x, w)| x * w).sum() };
    let rests = [rest(a_rest), rest(b_rest), rest(c_rest), rest(d_rest)];
    std::array::from_fn(|row| sums[row].iter().sum::<f32>() + rests[row])
}

#[allow(clippy::inline_always, reason = "its caller's instructions are only used when it becomes part of the caller")]
#[inline(always)]
fn add_scaled_plainly(sums: &mut [f32], rows: [&[f32]; ROWS], factors: [f32; ROWS]) {
    let [a, b, c, d] = rows;
    let [fa, fb, fc, fd] = factors;
    for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *sum += fa * a + fb * b + fc * c + fd * d;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_what_a_plain_sum_gives() {
        for length in [0_usize, 1, 7, 8, 9, 31, 64, 1280] {
            let row = |seed: usize| -> Vec<f32> { (0..length).map(|i| ((i * seed) % 17) as f32 - 8.0).collect() };
            let all = [row(3), row(5), row(7), row(11)];
            let rows: [&[f32]; ROWS] = std::array::from_fn(|i| &*all[i]);
            let weights = row(13);
            let [fast, slow] = [dots(rows, &weights), dots_plainly(rows, &weights)];
            assert_eq!(fast.map(f32::to_bits), slow.map(f32::to_bits), "{length}");
            let plain = |row: &[f32]| -> f32 { row.iter().zip(&weights).map(|(x, w)| x * w).sum() };
            assert_eq!(dots(rows, &weights), rows.map(plain), "{length}");

            let factors = [1.0, -2.0, 3.0, 0.5];
            let mut sums = row(2);
            add_scaled(&mut sums, rows, factors);
            for (i, sum) in sums.iter().enumerate() {
                let expected = (0..ROWS).map(|r| factors[r] * rows[r][i]).sum::<f32>() + row(2)[i];
                assert!((sum - expected).abs() < 1e-4, "{sum} {expected}");
            }
        }
    }
}
