//! Finding the lowest point of a smooth function: L-BFGS.
//!
//! The direction is the two-loop recursion of Nocedal, "Updating Quasi-Newton Matrices with Limited Storage",
//! Mathematics of Computation 35, 1980. The step is found by doubling and halving until the weak Wolfe conditions hold:
//! Lewis, Overton, "Nonsmooth optimization via quasi-Newton methods", Mathematical Programming 141, 2013, section 3.
//! Near the bottom, where rounding hides by how much the value falls, the slope tells: the approximate Wolfe condition of
//! Hager, Zhang, "A New Conjugate Gradient Method with Guaranteed Descent and an Efficient Line Search", SIAM Journal on
//! Optimization 16, 2005.

use std::collections::VecDeque;

/// Pairs of step and change of gradient that are remembered.
const MEMORY: usize = 10;
/// Share of the expected descent that a step must bring.
const DESCENT: f64 = 1e-4;
/// Share of the slope that may be left after a step.
const SLOPE: f64 = 0.9;
/// Share of the value that may be rounding.
const ROUNDING: f64 = 1e-6;
/// Tries at one step's length. A doubled or halved step meets the conditions much sooner.
const TRIES: usize = 40;

/// Where the search ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    /// The place.
    pub at: Vec<f64>,
    /// Steps that led there.
    pub iterations: u32,
    /// The gradient is as small as was asked for.
    pub converged: bool,
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// One through their dot product, which is above zero.
    curvature: f64,
}

/// Goes down from `at`. `evaluate` gives the function's value at a place and writes its gradient there.
///
/// Ends when no part of the gradient is larger than `tolerance`, after `max_iterations` steps, or when no step leads
/// further down, as happens when rounding is all that is left.
pub fn minimize(
    mut at: Vec<f64>,
    tolerance: f64,
    max_iterations: u32,
    mut evaluate: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Minimum {
    let mut gradient = vec![0.0; at.len()];
    let mut value = evaluate(&at, &mut gradient);
    let mut memory: VecDeque<Pair> = VecDeque::with_capacity(MEMORY + 1);
    let (mut next, mut next_gradient) = (at.clone(), gradient.clone());
    for iterations in 0..=max_iterations {
        let converged = largest(&gradient) <= tolerance;
        if converged || iterations == max_iterations {
            return Minimum { at, iterations, converged };
        }
        let mut direction = direction(&gradient, &memory);
        let mut slope = dot(&direction, &gradient);
        if slope.is_nan() || slope >= 0.0 {
            memory.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = dot(&direction, &gradient);
        }
        // The first step has no scale yet.
        let mut length = if memory.is_empty() { (1.0 / dot(&gradient, &gradient).sqrt()).min(1.0) } else { 1.0 };
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut found = None;
        for _ in 0..TRIES {
            for ((next, at), d) in next.iter_mut().zip(&at).zip(&direction) {
                *next = at + length * d;
            }
            let reached = evaluate(&next, &mut next_gradient);
            let left = dot(&direction, &next_gradient);
            let falls = reached <= value + DESCENT * length * slope;
            let seems_to_fall = reached <= value + ROUNDING * value.abs() && left <= (2.0 * DESCENT - 1.0) * slope;
            if !falls && !seems_to_fall {
                high = length;
            } else if left < SLOPE * slope {
                low = length;
            } else {
                found = Some(reached);
                break;
            }
            length = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * length };
        }
        let Some(reached) = found else { return Minimum { at, iterations, converged } };
        let step: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&step, &change);
        if curvature > 0.0 {
            memory.push_back(Pair { step, change, curvature: 1.0 / curvature });
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        std::mem::swap(&mut at, &mut next);
        std::mem::swap(&mut gradient, &mut next_gradient);
        value = reached;
    }
    Minimum { at, iterations: max_iterations, converged: false }
}

fn direction(gradient: &[f64], memory: &VecDeque<Pair>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let share = pair.curvature * dot(&pair.step, &q);
        add(&mut q, -share, &pair.change);
        shares.push(share);
    }
    if let Some(last) = memory.back() {
        let scale = 1.0 / (last.curvature * dot(&last.change, &last.change));
        for x in &mut q {
            *x *= scale;
        }
    }
    for (pair, share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = pair.curvature * dot(&pair.change, &q);
        add(&mut q, share - back, &pair.step);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

fn largest(gradient: &[f64]) -> f64 {
    gradient.iter().fold(0.0, |most, g| if g.is_nan() { f64::NAN } else { g.abs().max(most) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock, "An Automatic Method for Finding the Greatest or Least Value of a Function", 1960.
    fn rosenbrock(at: &[f64], gradient: &mut [f64]) -> f64 {
        let (x, y) = (at[0], at[1]);
        gradient[0] = -2.0 * (1.0 - x) - 400.0 * x * (y - x * x);
        gradient[1] = 200.0 * (y - x * x);
        (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2)
    }

    #[test]
    fn the_bottom_of_a_bent_valley_is_found() {
        let minimum = minimize(vec![-1.2, 1.0], 1e-8, 200, rosenbrock);
        assert!(minimum.converged, "{minimum:?}");
        assert!(minimum.at.iter().all(|x| (x - 1.0).abs() < 1e-6), "{minimum:?}");
    }

    #[test]
    fn a_steep_and_a_flat_direction_are_both_followed() {
        let scales: Vec<f64> = (0..50).map(|i| 10_f64.powf(i as f64 / 20.0 - 1.0)).collect();
        let minimum = minimize(vec![0.0; 50], 1e-7, 500, |at, gradient| {
            let mut value = 0.0;
            for i in 0..50 {
                gradient[i] = scales[i] * (at[i] - i as f64);
                value += 0.5 * scales[i] * (at[i] - i as f64).powi(2);
            }
            value
        });
        assert!(minimum.converged, "{}", minimum.iterations);
        assert!(minimum.at.iter().enumerate().all(|(i, x)| (x - i as f64).abs() < 1e-6));
    }

    #[test]
    fn it_ends_where_there_is_no_way_down_and_when_told() {
        assert_eq!(minimize(vec![-1.2, 1.0], 1e-8, 3, rosenbrock).iterations, 3);
        let start = minimize(vec![1.0, 1.0], 1e-8, 100, rosenbrock);
        assert_eq!((start.iterations, start.converged), (0, true));
        // A gradient that lies: no step goes down.
        let lost = minimize(vec![1.0], 1e-8, 100, |at, gradient| {
            gradient[0] = -1.0;
            at[0] * at[0]
        });
        assert_eq!((lost.iterations, lost.converged), (0, false));
        let nan = minimize(vec![1.0], 1e-8, 100, |_, gradient| {
            gradient[0] = f64::NAN;
            f64::NAN
        });
        assert!(!nan.converged);
    }
}
