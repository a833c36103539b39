//! What is tried next.

use crate::acquisition::{expected_hypervolume_improvement, expected_improvement};
use crate::document::Document;
use crate::features::features;
use crate::gaussian_process::{GaussianProcess, Prediction};
use crate::mutation::{Proposal, propose, signature};
use crate::pareto::{Point, front};
use crate::search::{Attempt, Method, Objective, Outcome, Search};
use plugin_blocks::Graph;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use std::collections::HashSet;

/// Attempts that must have ended before the Gaussian process is asked; until then changes are drawn.
const FIRST_RANDOM: usize = 5;
/// Networks among which it chooses.
const POOL: usize = 256;
/// Share of them that are made from the best networks so far.
const FROM_THE_BEST: f64 = 0.75;
/// A network that was tried is drawn again so often before the search gives up.
const DRAWS: usize = 100;

/// A network to try.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The attempt it was made from; `None` for the network that the search starts from.
    pub parent: Option<u64>,
    /// The network.
    pub proposal: Proposal,
    /// Validation error that is expected, and its standard deviation.
    pub expected: Option<[f64; 2]>,
}

/// Chooses the next network; `None` when no new one is found, as where no block may be changed.
///
/// What is drawn depends on the seed and the number of the attempt alone, so a search that was killed goes on as it would have.
pub fn choose(search: &Search) -> Option<Choice> {
    let number = search.attempts.len() as u64;
    if number == 0 {
        return start(search);
    }
    let seed = search.settings.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number;
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let known = Known::of(search);
    let ended = known.networks.iter().filter(|network| network.error.is_some()).count();
    match search.settings.method {
        Method::GaussianProcess if ended >= FIRST_RANDOM => {
            by_process(search, &known, &mut rng).or_else(|| at_random(search, &known, &mut rng))
        }
        _ => at_random(search, &known, &mut rng),
    }
}

/// The network that the search starts from.
fn start(search: &Search) -> Option<Choice> {
    let document = Document::parse(&search.settings.definition).ok()?;
    let limits = search.limits();
    let graph = document.graph(limits.size_px, limits.classes).ok()?;
    let change = format!("the network that the search starts from, {}", search.settings.network);
    Some(Choice { parent: None, proposal: Proposal { document, graph, change }, expected: None })
}

/// A network that was tried.
struct Network<'a> {
    attempt: &'a Attempt,
    document: Document,
    graph: Graph,
    /// Its validation error, had it been trained to the end; `None` while it is being trained.
    error: Option<f64>,
}

struct Known<'a> {
    networks: Vec<Network<'a>>,
    signatures: HashSet<String>,
}

impl<'a> Known<'a> {
    fn of(search: &'a Search) -> Self {
        let limits = search.limits();
        let read = |attempt: &'a Attempt| {
            let document = Document::parse(&attempt.proposed.definition).ok()?;
            let graph = document.graph(limits.size_px, limits.classes).ok()?;
            Some(Network { attempt, document, graph, error: search.estimate(attempt) })
        };
        let networks: Vec<Network> = search.attempts.iter().filter_map(read).collect();
        let signatures = networks.iter().map(|network| signature(&network.graph)).collect();
        Self { networks, signatures }
    }

    /// Those that can be changed: not what failed. The first is always among them.
    fn parents(&self) -> Vec<&Network<'a>> {
        let is_parent = |network: &&Network| network.attempt.proposed.attempt == 0 || network.attempt.has_weights();
        self.networks.iter().filter(is_parent).collect()
    }
}

/// Any network before, changed at random.
fn at_random(search: &Search, known: &Known, rng: &mut Pcg64Mcg) -> Option<Choice> {
    let parents = known.parents();
    (0..DRAWS).find_map(|_| {
        let parent = parents.get(rng.random_range(0..parents.len().max(1)))?;
        let proposal = propose(&parent.document, &search.limits(), rng)?;
        let is_new = !known.signatures.contains(&signature(&proposal.graph));
        is_new.then(|| Choice { parent: Some(parent.attempt.proposed.attempt), proposal, expected: None })
    })
}

/// The best so far: the front with two objectives, else the fifth with the smallest errors, at least three.
fn elite<'b>(search: &Search, parents: &[&'b Network<'b>]) -> Vec<&'b Network<'b>> {
    let mut with_error: Vec<(&Network, f64)> =
        parents.iter().filter_map(|network| Some((*network, network.error?))).collect();
    if search.settings.objective == Objective::ErrorAndCost {
        let points: Vec<Point> =
            with_error.iter().map(|(network, error)| [*error, network.attempt.proposed.multiply_adds as f64]).collect();
        return front(&points).into_iter().map(|i| with_error[i].0).collect();
    }
    with_error.sort_by(|a, b| a.1.total_cmp(&b.1));
    let count = (with_error.len() / 5).max(3);
    with_error.into_iter().take(count).map(|(network, _)| network).collect()
}

fn by_process(search: &Search, known: &Known, rng: &mut Pcg64Mcg) -> Option<Choice> {
    let parents = known.parents();
    let best = elite(search, &parents);
    let mut pool: Vec<(u64, Proposal)> = Vec::new();
    let mut seen = known.signatures.clone();
    for _ in 0..POOL {
        let from = if !best.is_empty() && rng.random_bool(FROM_THE_BEST) { &best } else { &parents };
        let parent = from[rng.random_range(0..from.len())];
        let Some(proposal) = propose(&parent.document, &search.limits(), rng) else { continue };
        if seen.insert(signature(&proposal.graph)) {
            pool.push((parent.attempt.proposed.attempt, proposal));
        }
    }
    let process = fit(known)?;
    let observed: Vec<Point> = known
        .networks
        .iter()
        .filter(|network| network.error.is_some() && network.attempt.outcome != Outcome::Failed)
        .map(|network| [process.predict(&features(&network.graph)).mean, cost(&network.graph)])
        .collect();
    // Errors are noisy, so what is to be bettered is what the process makes of the best.
    let smallest = observed.iter().map(|point| point[0]).fold(f64::INFINITY, f64::min);
    let reference =
        [search.chance_error(), (search.settings.max_multiply_adds as f64).ln().min(largest(&observed) + 1.0)];
    let gain = |proposal: &Proposal, prediction: Prediction| match search.settings.objective {
        Objective::Error => expected_improvement(prediction, smallest),
        Objective::ErrorAndCost => {
            let cost = Prediction { mean: cost(&proposal.graph), deviation: 0.0 };
            expected_hypervolume_improvement([prediction, cost], &observed, reference)
        }
    };
    let rated = pool.into_iter().map(|(parent, proposal)| {
        let prediction = process.predict(&features(&proposal.graph));
        (gain(&proposal, prediction), parent, proposal, prediction)
    });
    let (_, parent, proposal, prediction) = rated.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Choice { parent: Some(parent), proposal, expected: Some([prediction.mean, prediction.deviation]) })
}

fn cost(graph: &Graph) -> f64 {
    (graph.multiply_adds().max(1) as f64).ln()
}

fn largest(points: &[Point]) -> f64 {
    points.iter().map(|point| point[1]).fold(0.0, f64::max)
}

/// The process over what has ended. What is being trained counts with what is expected of it, so that the next is not its like
/// ("kriging believer", Ginsbourger, Le Riche and Carraro 2010).
fn fit(known: &Known) -> Option<GaussianProcess> {
    let (mut points, mut errors) = (Vec::new(), Vec::new());
    for network in &known.networks {
        if let Some(error) = network.error {
            points.push(features(&network.graph));
            errors.push(error);
        }
    }
    let process = GaussianProcess::fit(&points, &errors)?;
    let pending: Vec<Vec<f64>> = known
        .networks
        .iter()
        .filter(|network| network.error.is_none())
        .map(|network| features(&network.graph))
        .collect();
    if pending.is_empty() {
        return Some(process);
    }
    errors.extend(pending.iter().map(|point| process.predict(point).mean));
    points.extend(pending);
    GaussianProcess::fit(&points, &errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::search_of;
    use crate::search::{Event, Proposed};

    /// A search over a function of the network instead of trained networks: what comes of `attempts`.
    fn simulated(method: Method, objective: Objective, attempts: usize, seed: u64, error: fn(&Graph) -> f64) -> Search {
        let mut search = search_of([]);
        (search.settings.method, search.settings.objective, search.settings.seed) = (method, objective, seed);
        search.settings.max_multiply_adds = 60_000_000;
        for number in 0..attempts as u64 {
            let choice = choose(&search).unwrap();
            let graph = &choice.proposal.graph;
            let events = [
                Event::Proposed(Proposed {
                    attempt: number,
                    run: number.to_string(),
                    parent: choice.parent,
                    change: choice.proposal.change.clone(),
                    definition: choice.proposal.document.to_text(),
                    multiply_adds: graph.multiply_adds(),
                    parameters: graph.parameters(),
                    expected: choice.expected,
                    inherits: None,
                    worker: 0,
                }),
                Event::Epoch { attempt: number, epoch: 0, error: error(graph), seconds: 1.0 },
                Event::Ended { attempt: number, outcome: Outcome::Trained, reason: None },
            ];
            for event in events {
                search.apply(&crate::search::Entry { at: 0.0, event });
            }
        }
        search
    }

    /// Small with depth, normalization and a large receptive field, as it is of real networks.
    fn surrogate(graph: &Graph) -> f64 {
        let of = features(graph);
        let (depth, norms, field, parameters) = (of[3], of[7], of[19], of[1]);
        let error = 0.7 - 0.05 * depth.min(6.0) - 0.1 * norms.min(1.0) - 0.03 * field.min(4.0)
            + 0.01 * (parameters - 11.0).abs();
        error.clamp(0.05, 0.9)
    }

    #[test]
    fn the_first_is_the_start_and_no_network_comes_twice() {
        let search = simulated(Method::GaussianProcess, Objective::ErrorAndCost, 14, 1, surrogate);
        assert_eq!(search.attempts[0].proposed.definition.matches("{convolution").count(), 2);
        let known = Known::of(&search);
        assert_eq!(known.signatures.len(), 14);
        for attempt in &search.attempts[1..] {
            assert!(attempt.proposed.parent.unwrap() < attempt.proposed.attempt);
            assert!(attempt.proposed.multiply_adds <= search.settings.max_multiply_adds);
        }
        assert!(search.attempts[13].proposed.expected.is_some() && search.attempts[3].proposed.expected.is_none());
    }

    #[test]
    fn the_process_needs_fewer_attempts_than_chance() {
        let mut halved = 0;
        for seed in 1..=3 {
            let random = simulated(Method::Random, Objective::Error, 30, seed, surrogate);
            let process = simulated(Method::GaussianProcess, Objective::Error, 15, seed, surrogate);
            let (random, process) = (random.best().unwrap().error(), process.best().unwrap().error());
            halved += usize::from(process <= random);
        }
        assert!(halved >= 2, "{halved} of 3");
    }

    #[test]
    fn a_search_is_the_same_for_the_same_seed() {
        let of = |seed| {
            let search = simulated(Method::GaussianProcess, Objective::Error, 8, seed, surrogate);
            search.attempts.into_iter().map(|attempt| attempt.proposed.definition).collect::<Vec<_>>()
        };
        assert_eq!(of(4), of(4));
        assert_ne!(of(4), of(5));
    }
}
