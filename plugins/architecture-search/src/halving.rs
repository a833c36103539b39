//! Early stopping of hopeless attempts: asynchronous successive halving in its stopping form (Li and others 2020, A System for
//! Massively Parallel Hyperparameter Tuning, arXiv 1810.05934): after 1/η, 1/η² … of the epochs an attempt goes on when it is among
//! the best 1/η of all that have come as far. With two objectives the best are those of the first ranks of non-dominated sorting
//! (Schmucker and others 2021, Multi-objective Asynchronous Successive Halving, arXiv 2106.12639), so a small network need not be as
//! good as a large one to go on.

use crate::pareto::{Point, ranks};
use crate::search::{Objective, Outcome, Search};

/// Attempts that must have come as far before one is stopped, in multiples of η.
const PEERS: u64 = 1;

/// The numbers of epochs after which it is decided, smallest first; none when η is 1 or there are too few epochs.
pub fn rungs(epochs: u64, eta: u64) -> Vec<u64> {
    if eta < 2 {
        return Vec::new();
    }
    let mut rungs = Vec::new();
    let mut at = epochs as f64 / eta as f64;
    // After one epoch there is little to tell by.
    while at.round() >= 2.0 && rungs.len() < 3 {
        rungs.push(at.round() as u64);
        at /= eta as f64;
    }
    rungs.reverse();
    rungs.dedup();
    rungs
}

/// Why an attempt is to be stopped, when it is: asked when an epoch is over. The network that the search starts from goes on.
pub fn hopeless(search: &Search, number: u64) -> Option<String> {
    let attempt = search.attempts.get(number as usize)?;
    let eta = search.settings.halving;
    let epochs = attempt.curve.len() as u64;
    if number == 0 || attempt.stopping.is_some() || !rungs(search.settings.epochs, eta).contains(&epochs) {
        return None;
    }
    let error = attempt.error_after(epochs as usize)?;
    let peers: Vec<Point> = search
        .attempts
        .iter()
        .filter(|other| other.proposed.attempt != number && other.outcome != Outcome::Failed)
        .filter_map(|other| Some([other.error_after(epochs as usize)?, other.proposed.multiply_adds as f64]))
        .collect();
    if (peers.len() as u64) < PEERS * eta {
        return None;
    }
    let mut points = peers;
    points.push([error, attempt.proposed.multiply_adds as f64]);
    let go_on = points.len().div_ceil(eta as usize);
    let (better, by) = match search.settings.objective {
        Objective::Error => (points.iter().filter(|point| point[0] < error).count(), "error"),
        Objective::ErrorAndCost => {
            let ranks = ranks(&points);
            let own = ranks[points.len() - 1];
            // Of one rank, those of small error come first; the front goes on whatever its number.
            let before = |i: usize| ranks[i] < own || (own > 0 && ranks[i] == own && points[i][0] < error);
            ((0..points.len() - 1).filter(|i| before(*i)).count(), "error for its multiply-adds")
        }
    };
    (better >= go_on).then(|| {
        format!(
            "after {epochs} epochs {better} of {} attempts had a smaller {by}; the best {go_on} go on",
            points.len() - 1
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::{epochs, proposed, search_of, settings};
    use crate::search::Event;

    #[test]
    fn rungs_are_shares_of_the_epochs() {
        assert_eq!(rungs(15, 3), [2, 5]);
        assert_eq!(rungs(27, 3), [3, 9]);
        assert_eq!(rungs(6, 3), [2]);
        assert_eq!(rungs(16, 2), [2, 4, 8]);
        assert!(rungs(15, 1).is_empty() && rungs(2, 3).is_empty());
    }

    fn search(errors: &[(f64, u64)], objective: Objective) -> Search {
        let mut search = search_of(errors.iter().enumerate().flat_map(|(i, (error, cost))| {
            let mut events = vec![Event::Proposed(proposed(i as u64, *cost))];
            events.extend(epochs(i as u64, &[0.9, *error]));
            events
        }));
        search.settings.objective = objective;
        assert_eq!(rungs(settings().epochs, settings().halving), [2]);
        search
    }

    #[test]
    fn one_in_three_goes_on() {
        let of = |error: f64| {
            let errors = [(0.5, 9), (0.4, 9), (0.6, 9), (0.7, 9), (0.3, 9), (error, 9)];
            hopeless(&search(&errors, Objective::Error), 5)
        };
        assert_eq!(of(0.35), None);
        assert!(of(0.45).unwrap().contains("after 2 epochs 2 of 5 attempts"), "{:?}", of(0.45));
        assert!(
            hopeless(&search(&[(0.9, 9), (0.1, 9), (0.1, 9), (0.1, 9)], Objective::Error), 0).is_none(),
            "the start"
        );
        assert!(hopeless(&search(&[(0.1, 9), (0.1, 9), (0.9, 9)], Objective::Error), 2).is_none(), "too few to tell");
    }

    #[test]
    fn a_small_network_is_compared_with_small_ones() {
        let others = [(0.3, 100), (0.35, 90), (0.4, 80), (0.5, 95)];
        let of = |error: f64, cost: u64| {
            let errors: Vec<(f64, u64)> = others.into_iter().chain([(error, cost)]).collect();
            hopeless(&search(&errors, Objective::ErrorAndCost), 4)
        };
        assert_eq!(of(0.6, 10), None, "the cheapest is on the front");
        assert!(of(0.6, 97).is_some(), "{:?}", of(0.6, 97));
    }
}
