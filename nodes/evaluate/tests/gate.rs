//! The gate's promises, on simulated models.
#![cfg(test)]

mod simulation;

use node_evaluate::Gate;
use simulation::{SETS, Setting};

const TRIALS: u32 = 2000;

/// From 50 test images on, whatever the classes' sizes, with models that differ on a tenth of the images or more.
#[test]
fn worse_challenger_is_promoted_in_under_five_percent() {
    for (name, sizes) in SETS {
        for disagreement in [0.1, 0.15, 0.2, 0.3] {
            // It comes near five percent with a hundred images, so there chance must have less of a say.
            let trials = if sizes.iter().sum::<usize>() <= 100 { 5 * TRIALS } else { TRIALS };
            let setting = Setting { sizes, disagreement, better: -0.05 };
            let promoted = setting.promoted(&Gate::default(), trials, 1);
            assert!(promoted < 0.05, "{name}, {disagreement}: {promoted}");
        }
    }
}

/// The same models: what is no worse is not refused for ever, and what is better is soon promoted.
#[test]
fn an_equal_one_is_promoted_now_and_then_and_a_better_one_soon() {
    for (name, sizes) in SETS {
        let images: usize = sizes.iter().sum();
        for disagreement in [0.1, 0.2, 0.3] {
            let promoted = |better| Setting { sizes, disagreement, better }.promoted(&Gate::default(), TRIALS, 2);
            let (equal, better) = (promoted(0.0), promoted(0.1));
            let least = if images >= 300 { [0.3, 0.9] } else { [0.1, 0.5] };
            assert!(equal > least[0] && better > least[1], "{name}, {disagreement}: {equal} {better}");
        }
    }
}

/// With fewer than 50 the figures alone decide: an equal one is promoted half of the time, a worse one now and then.
#[test]
fn small_test_sets_are_not_held_up() {
    let setting = |better| Setting { sizes: &[6; 5], disagreement: 0.2, better };
    let [equal, worse] = [0.0, -0.05].map(|better| setting(better).promoted(&Gate::default(), TRIALS, 3));
    assert!(equal > 0.45 && (0.1..0.4).contains(&worse), "{equal} {worse}");
}

#[test]
fn the_level_is_kept_to_whatever_it_is() {
    let setting = Setting { sizes: SETS[3].1, disagreement: 0.3, better: -0.05 };
    for level in [0.01, 0.02, 0.1] {
        let promoted = setting.promoted(&Gate { level, ..Gate::default() }, TRIALS, 4);
        assert!(promoted < level, "{level}: {promoted}");
    }
}
