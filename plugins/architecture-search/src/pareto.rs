//! Pareto fronts and hypervolume of two objectives that are both to be small.

/// Two objectives, both better when smaller.
pub type Point = [f64; 2];

/// Whether `a` is nowhere worse than `b` and somewhere better.
pub fn dominates(a: Point, b: Point) -> bool {
    a[0] <= b[0] && a[1] <= b[1] && a != b
}

/// The places of the points that none dominates, ordered by the first objective; of equal points the first alone.
pub fn front(points: &[Point]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..points.len()).filter(|i| points[*i].iter().all(|v| v.is_finite())).collect();
    places.sort_by(|a, b| {
        let (p, q) = (points[*a], points[*b]);
        p[0].total_cmp(&q[0]).then(p[1].total_cmp(&q[1])).then(a.cmp(b))
    });
    let mut best = f64::INFINITY;
    places.retain(|i| {
        let is_better = points[*i][1] < best;
        best = best.min(points[*i][1]);
        is_better
    });
    places
}

/// The rank of each point in non-dominated sorting, 0 for the front (Deb and others 2002, NSGA-II).
pub fn ranks(points: &[Point]) -> Vec<usize> {
    let mut ranks = vec![usize::MAX; points.len()];
    let mut left: Vec<usize> = (0..points.len()).collect();
    for rank in 0.. {
        let of_rank: Vec<usize> =
            left.iter().copied().filter(|i| !left.iter().any(|j| dominates(points[*j], points[*i]))).collect();
        if of_rank.is_empty() {
            break;
        }
        for i in &of_rank {
            ranks[*i] = rank;
        }
        left.retain(|i| !of_rank.contains(i));
    }
    ranks
}

/// The area that the points dominate below `reference`.
pub fn hypervolume(points: &[Point], reference: Point) -> f64 {
    let inside: Vec<Point> = points.iter().copied().filter(|p| p[0] < reference[0] && p[1] < reference[1]).collect();
    let mut upper = reference[1];
    let mut area = 0.0;
    for i in front(&inside) {
        area += (reference[0] - inside[i][0]) * (upper - inside[i][1]);
        upper = inside[i][1];
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nothing_dominates() {
        let points = [[3.0, 1.0], [1.0, 3.0], [2.0, 2.0], [2.0, 2.0], [3.0, 3.0], [1.0, 4.0], [f64::NAN, 0.0]];
        assert_eq!(front(&points), [1, 2, 0]);
        assert_eq!(ranks(&points[..6]), [0, 0, 0, 0, 1, 1]);
        assert_eq!(ranks(&[[1.0, 1.0], [3.0, 3.0], [2.0, 2.0]]), [0, 2, 1]);
        assert!(dominates([1.0, 3.0], [1.0, 4.0]) && !dominates([1.0, 3.0], [1.0, 3.0]));
        assert!(front(&[]).is_empty());
    }

    /// Staircases whose area is counted by hand.
    #[test]
    fn hypervolume_is_the_area_of_the_staircase() {
        assert_eq!(hypervolume(&[], [1.0, 1.0]), 0.0);
        assert_eq!(hypervolume(&[[0.25, 0.5]], [1.0, 1.0]), 0.375);
        assert_eq!(hypervolume(&[[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]], [4.0, 4.0]), 6.0);
        assert_eq!(hypervolume(&[[3.0, 1.0], [1.0, 3.0], [2.0, 2.0], [3.0, 3.0]], [4.0, 4.0]), 6.0);
        assert_eq!(hypervolume(&[[5.0, 1.0], [1.0, 4.0]], [4.0, 4.0]), 0.0, "beyond the reference nothing counts");
    }
}
