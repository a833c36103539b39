//! `cargo verify`: sets up what the tests need, then checks everything there is to check.

pub mod doctests;
pub mod steps;

use crate::checkout::Checkout;
use crate::error::Error;
use crate::{cli, interrupt, say, tools};
use std::path::PathBuf;
use std::time::Instant;
use steps::{Name, STEPS, Step};

/// What the steps work with.
#[derive(Debug)]
pub struct Setup {
    /// Checkout that is verified.
    pub checkout: Checkout,
    /// The dora command line.
    pub dora: PathBuf,
    /// The folder of LibTorch.
    pub libtorch: PathBuf,
}

/// Runs the steps, one after the other, and stops at the first that fails. The test runner's own summary comes last.
///
/// # Errors
/// What made the step fail, with its exit code.
pub fn run(checkout: &Checkout, options: &cli::Verify) -> Result<(), Error> {
    let start = Instant::now();
    let steps = chosen(&options.only, &options.skip);
    say::heading(start, "set-up: dora");
    let dora = tools::dora::ready(checkout)?;
    say::heading(start, &format!("dora is {}", dora.display()));
    let libtorch = tools::libtorch::ready(checkout)?;
    say::heading(start, &format!("LibTorch is {}", libtorch.display()));
    for wanted in &tools::system::WANTED {
        let is = if wanted.ready() { "there".to_owned() } else { format!("not there: {}", wanted.without) };
        say::heading(start, &format!("{} is {is}", wanted.what));
    }
    let setup = Setup { checkout: checkout.clone(), dora, libtorch };
    let mut passed = Vec::new();
    for step in steps {
        interrupt::check()?;
        say::heading(start, &format!("{}: {}", step.name.text(), step.what));
        if let Err(error) = (step.run)(&setup) {
            say::problem(&format!("[{}] {} has failed", say::clock(start.elapsed()), step.name.text()));
            return Err(error);
        }
        passed.push(step.name.text());
    }
    say::result(&serde_json::json!({ "passed": passed }));
    Ok(())
}

/// The steps to run, in their order.
fn chosen(only: &[Name], skip: &[Name]) -> Vec<&'static Step> {
    let wanted = |name: &Name| (only.is_empty() || only.contains(name)) && !skip.contains(name);
    STEPS.iter().filter(|step| wanted(&step.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[Name], skip: &[Name]) -> Vec<Name> {
        chosen(only, skip).iter().map(|step| step.name).collect()
    }

    #[test]
    fn steps_are_chosen_and_keep_their_order() {
        assert_eq!(names(&[], &[]).len(), STEPS.len());
        assert_eq!(names(&[Name::Test, Name::Format], &[]), [Name::Format, Name::Test]);
        assert!(!names(&[], &[Name::Doc]).contains(&Name::Doc));
        assert!(names(&[Name::Doc], &[Name::Doc]).is_empty());
    }
}
