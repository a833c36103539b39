//! Two models on made-up images, of which it is known how much better one truly is.

use node_evaluate::{Gate, Incumbent, decide};
use plugin_metric::Predictions;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// Images and models.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Test images by class.
    pub sizes: &'a [usize],
    /// Share of images that one of the two classifies correctly and the other does not.
    pub disagreement: f64,
    /// By how much the challenger's true balanced accuracy is above the champion's.
    pub better: f64,
}

impl Setting<'_> {
    /// Share of `trials` in which the challenger is promoted.
    pub fn promoted(&self, gate: &Gate, trials: u32, seed: u64) -> f64 {
        let mut chance = Pcg64Mcg::seed_from_u64(seed);
        let promoted = (0..trials).filter(|_| {
            let [challenger, champion] = self.draw(&mut chance);
            let incumbent = Incumbent::Evaluated { name: "champion", predictions: &champion, handicap: &[] };
            decide(&challenger, incumbent, gate).promoted
        });
        promoted.count() as f64 / f64::from(trials)
    }

    /// What the two say: each image is classified correctly by the challenger alone, by the champion alone, by both, or by neither,
    /// whatever its class. Both are right on seven tenths.
    fn draw(&self, chance: &mut impl rand::Rng) -> [Predictions; 2] {
        let classes = self.sizes.len();
        let mut models = [0, 1].map(|_| Predictions::new((0..classes).map(|class| format!("class {class}")).collect()));
        let ours = f64::midpoint(self.disagreement, self.better);
        let theirs = self.disagreement - ours;
        for (truth, size) in self.sizes.iter().enumerate() {
            for _ in 0..*size {
                let number: f64 = chance.random();
                let both = match number {
                    n if n < ours => [true, false],
                    n if n < ours + theirs => [false, true],
                    n if n < ours + theirs + 0.7 => [true, true],
                    _ => [false, false],
                };
                for (model, is_correct) in models.iter_mut().zip(both) {
                    let said = if is_correct { truth } else { (truth + 1) % classes };
                    let row: Vec<f32> = (0..classes).map(|class| f32::from(u8::from(class == said))).collect();
                    let _ = model.push(truth, &row);
                }
            }
        }
        models
    }
}

/// Test sets to try: name and sizes by class.
pub const SETS: &[(&str, &[usize])] = &[
    ("50, 5 even classes", &[10; 5]),
    ("100, 5 even classes", &[20; 5]),
    ("100, 4 uneven classes", &[5, 10, 20, 65]),
    ("315, 8 classes as in the demo", &[15, 20, 25, 30, 40, 45, 60, 80]),
    ("1,000, 10 even classes", &[100; 10]),
];
