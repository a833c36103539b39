//! `cargo wakuteka export-nnc`, `import-nnc` and `export-model`: done by the program `exchange`, which is built when it is asked for.
//! It works on pictures and the catalog; this program is spared both.

use crate::checkout::Checkout;
use crate::{Error, process};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// Runs a subcommand of `exchange` where the person stands, over the workspace of the checkout when none is named.
///
/// # Errors
/// [`Error::Failed`] with the program's exit code, once it has said itself what is wrong.
pub fn run(checkout: &Checkout, subcommand: &str, words: &[OsString]) -> Result<(), Error> {
    let here = std::env::current_dir()?;
    let named = std::env::var_os("WAKUTEKA_HOME").is_some();
    process::run(&mut command(checkout, &here, named, subcommand, words))
}

fn command(checkout: &Checkout, here: &Path, named: bool, subcommand: &str, words: &[OsString]) -> Command {
    let mut cargo = process::cargo(checkout);
    cargo.current_dir(here).args(["run", "--quiet", "--manifest-path"]).arg(checkout.root().join("Cargo.toml"));
    cargo.args(["--package", "node-exchange", "--bin", "exchange", "--", subcommand]).args(words);
    if !named {
        cargo.env("WAKUTEKA_HOME", checkout.home());
    }
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_follow_and_paths_stay_where_the_person_stands() {
        let checkout = Checkout::find().unwrap();
        let words = ["out".into(), "--size".into(), "32".into()];
        let made = command(&checkout, Path::new("/"), false, "export-nnc", &words);
        let shown = process::shown(&made);
        assert!(shown.ends_with("--package node-exchange --bin exchange -- export-nnc out --size 32"), "{shown}");
        assert_eq!(made.get_current_dir(), Some(Path::new("/")));
        let home = |command: &Command| command.get_envs().any(|(name, _)| name == "WAKUTEKA_HOME");
        assert!(home(&made) && !home(&command(&checkout, Path::new("/"), true, "export-nnc", &words)));
    }
}
