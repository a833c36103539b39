//! A map of embeddings: their first two principal components.

/// Rows that the components are found from at most.
const SAMPLE: usize = 2_000;
/// Power iterations a component: two more digits than a screen has.
const ROUNDS: usize = 40;

/// Each row's place on the first two principal components, scaled to 0 to 1 over both axes together so that distances keep their
/// proportion; all rows have one length. Rows of fewer than two different places all lie in the middle. Corresponds to
/// `sklearn.decomposition.PCA(n_components=2)`, fitted on up to 2,000 rows.
pub fn principal(rows: &[&[f32]]) -> Vec<[f32; 2]> {
    let Some(length) = rows.first().map(|row| row.len()) else { return Vec::new() };
    let step = rows.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<&[f32]> = rows.iter().step_by(step).copied().collect();
    let mut mean = vec![0.0_f32; length];
    for row in &sample {
        mean.iter_mut().zip(*row).for_each(|(sum, value)| *sum += value / sample.len() as f32);
    }
    let first = component(&sample, &mean, None);
    let second = component(&sample, &mean, Some(&first));
    let place = |row: &&[f32]| [along(row, &mean, &first), along(row, &mean, &second)];
    let mut places: Vec<[f32; 2]> = rows.iter().map(place).collect();
    let ends = [0, 1].map(|axis| {
        let values = places.iter().map(|place| place[axis]);
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    });
    let width = ends.iter().map(|(low, high)| high - low).fold(0.0, f32::max);
    for place in &mut places {
        for axis in [0, 1] {
            let middle = f32::midpoint(ends[axis].0, ends[axis].1);
            place[axis] = if width > 0.0 { 0.5 + (place[axis] - middle) / width } else { 0.5 };
        }
    }
    places
}

fn along(row: &[f32], mean: &[f32], axis: &[f32]) -> f32 {
    row.iter().zip(mean).zip(axis).map(|((value, mean), axis)| (value - mean) * axis).sum()
}

/// The direction of the greatest variance, of those at right angles to `before`: power iteration on the covariance.
fn component(sample: &[&[f32]], mean: &[f32], before: Option<&[f32]>) -> Vec<f32> {
    // Any start that is not at right angles to the answer; the same every time.
    let mut axis: Vec<f32> = (0..mean.len()).map(|at| ((at * 7 + 3) % 11) as f32 - 5.0).collect();
    for _ in 0..ROUNDS {
        let mut next = vec![0.0_f32; mean.len()];
        for row in sample {
            let share = along(row, mean, &axis);
            next.iter_mut().zip(*row).zip(mean).for_each(|((sum, value), mean)| *sum += share * (value - mean));
        }
        if let Some(before) = before {
            let share: f32 = next.iter().zip(before).map(|(a, b)| a * b).sum();
            next.iter_mut().zip(before).for_each(|(value, before)| *value -= share * before);
        }
        let norm = next.iter().map(|value| value * value).sum::<f32>().sqrt();
        if norm <= f32::EPSILON {
            return vec![0.0; mean.len()];
        }
        axis = next.into_iter().map(|value| value / norm).collect();
    }
    axis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_directions_are_the_axes() {
        // A flat ellipse in a plane of five dimensions, wide along (3, 4, 0, 0, 0)/5, narrow along the last axis.
        let row = |at: usize| {
            let angle = at as f32 * 0.1;
            let (wide, narrow) = (10.0 * angle.cos(), 2.0 * angle.sin());
            vec![1.0 + 0.6 * wide, 0.8 * wide, 7.0, 0.0, narrow]
        };
        let rows: Vec<Vec<f32>> = (0..200).map(row).collect();
        let places = principal(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for (at, [x, y]) in places.iter().enumerate() {
            let angle = at as f32 * 0.1;
            // Either axis may point either way.
            let (wide, narrow) = ((x - 0.5).abs() * 20.0, (y - 0.5).abs() * 20.0);
            assert!((wide - 10.0 * angle.cos().abs()).abs() < 0.1, "{at}: {wide}");
            assert!((narrow - 2.0 * angle.sin().abs()).abs() < 0.1, "{at}: {narrow}");
        }
        assert!(principal(&[]).is_empty());
        assert_eq!(principal(&[&[1.0, 2.0], &[1.0, 2.0]]), [[0.5, 0.5], [0.5, 0.5]]);
    }
}
