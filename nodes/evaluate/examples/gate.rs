//! How often the gate promotes challengers of which it is known how much better they truly are:
//! `cargo run -p node-evaluate --example gate`.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use node_evaluate::Gate;
use simulation::{SETS, Setting};

const TRIALS: u32 = 10_000;

fn main() {
    println!("| test images | differ on | 5 points worse | equal | 5 points better | 10 points better |");
    println!("|---|---|---|---|---|---|");
    for (name, sizes) in SETS {
        for disagreement in [0.1, 0.2, 0.3] {
            let promoted = [-0.05, 0.0, 0.05, 0.1].map(|better| {
                let share = Setting { sizes, disagreement, better }.promoted(&Gate::default(), TRIALS, 9);
                format!("{:.1} %", share * 100.0)
            });
            println!("| {name} | {:.0} % | {} |", disagreement * 100.0, promoted.join(" | "));
        }
    }
}
