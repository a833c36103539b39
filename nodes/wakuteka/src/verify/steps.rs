//! The steps of `cargo verify`. All that compile do so with one set of features, so that nothing is built twice.

use super::{Setup, doctests};
use crate::error::Error;
use crate::tools::onnxruntime;
use crate::tools::python::Python;
use crate::tools::weights::{self, Pretrained};
use crate::{process, say};
use clap::ValueEnum;
use plugin_api::files;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A step's name, as `--only` and `--skip` take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// `cargo fmt`.
    Format,
    /// `cargo clippy`.
    Clippy,
    /// `cargo doc`.
    Doc,
    /// `cargo build`.
    Build,
    /// `dora validate`.
    Dataflows,
    /// The examples in the documentation.
    Doctest,
    /// Exported networks in onnxruntime.
    Onnx,
    /// Unit and end-to-end tests.
    Test,
}

impl Name {
    /// The name in lower case.
    pub fn text(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Clippy => "clippy",
            Self::Doc => "doc",
            Self::Build => "build",
            Self::Dataflows => "dataflows",
            Self::Doctest => "doctest",
            Self::Onnx => "onnx",
            Self::Test => "test",
        }
    }
}

/// One command of `verify`, with its name.
#[derive(Debug)]
pub struct Step {
    /// For `--only` and `--skip`.
    pub name: Name,
    /// For the heading.
    pub what: &'static str,
    /// Does it.
    pub run: fn(&Setup) -> Result<(), Error>,
}

/// Every step, in order. The tests are last: their runner's summary ends the output.
pub const STEPS: &[Step] = &[
    Step { name: Name::Format, what: "the sources are formatted", run: format },
    Step { name: Name::Clippy, what: "no lint complains", run: clippy },
    Step { name: Name::Doc, what: "the documentation has no broken link", run: doc },
    Step { name: Name::Build, what: "nodes and tests", run: build },
    Step { name: Name::Dataflows, what: "every dataflow is valid, types included", run: dataflows },
    Step { name: Name::Doctest, what: "the examples in the documentation", run: doctest },
    Step { name: Name::Onnx, what: "exported networks say the same in onnxruntime", run: onnx },
    Step { name: Name::Test, what: "unit and end-to-end tests", run: test },
];

/// The one set of features and the one target folder of every step that compiles.
const EVERYTHING: &[&str] = &["--workspace", "--features", "libtorch"];

fn cargo(setup: &Setup, command: &[&str]) -> Command {
    let mut cargo = process::cargo(&setup.checkout);
    cargo.args(command).env("LIBTORCH", &setup.libtorch).env("CARGO_TARGET_DIR", setup.checkout.target());
    // Nothing is built a second time there, so what incremental builds keep would be written for nobody.
    if std::env::var_os("CI").is_some() {
        cargo.env("CARGO_INCREMENTAL", "0");
    }
    cargo
}

fn format(setup: &Setup) -> Result<(), Error> {
    process::run(&mut cargo(setup, &["fmt", "--all", "--check"]))
}

/// Cargo with clippy in place of the compiler for our own crates, as `cargo clippy` calls it. `cargo doc` with the same finds them checked
/// already, instead of checking each once more.
///
/// # Errors
/// When the toolchain has no clippy.
fn cargo_with_clippy(setup: &Setup, command: &[&str]) -> Result<Command, Error> {
    let mut rustc = Command::new("rustc");
    let sysroot = process::capture(rustc.args(["--print", "sysroot"]).current_dir(setup.checkout.root()))?;
    let driver = Path::new(sysroot.trim()).join("bin/clippy-driver");
    if !driver.is_file() {
        return Err(Error::Tool("there is no clippy: `rustup component add clippy` installs it".to_owned()));
    }
    let mut cargo = cargo(setup, command);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", driver).env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    Ok(cargo)
}

fn clippy(setup: &Setup) -> Result<(), Error> {
    process::run(cargo_with_clippy(setup, &["check", "--all-targets"])?.args(EVERYTHING))
}

fn doc(setup: &Setup) -> Result<(), Error> {
    process::run(cargo_with_clippy(setup, &["doc", "--no-deps"])?.args(EVERYTHING).env("RUSTDOCFLAGS", "-D warnings"))
}

/// What is run: nodes and tests. The examples are type-checked by clippy; only the one that a step runs is linked. With the test targets, so that
/// dependencies that only tests have change no features later on.
const RUN: &[&str] = &["--bins", "--tests"];

fn build(setup: &Setup) -> Result<(), Error> {
    process::run(cargo(setup, &["build"]).args(RUN).args(EVERYTHING))
}

fn dataflows(setup: &Setup) -> Result<(), Error> {
    for yaml in find_dataflows(&setup.checkout.dataflows())? {
        let mut dora = Command::new(&setup.dora);
        dora.args(["validate", "--strict-types"]).arg(&yaml);
        process::capture(dora.current_dir(setup.checkout.root()).env("RUST_BACKTRACE", "0"))?;
        say::line(&format!("  {} is valid", yaml.file_name().unwrap_or_default().to_string_lossy()));
    }
    Ok(())
}

fn doctest(setup: &Setup) -> Result<(), Error> {
    if !doctests::any_in(setup.checkout.root()) {
        say::line("  there are none");
        return Ok(());
    }
    process::run(for_tests(cargo(setup, &["test", "--doc"]).args(EVERYTHING), setup))
}

/// Every network that comes with the program, within 1e-4, and heads on pretrained weights, on images in files, within 1e-3.
fn onnx(setup: &Setup) -> Result<(), Error> {
    compare_onnx(setup, "onnx", "onnx_outputs.py", &[])?;
    let weights = weights::ready(&setup.checkout, Pretrained::EfficientNetLite0)?;
    compare_onnx(setup, "onnx_heads", "onnx_heads.py", &[&weights])
}

/// Has an example write ONNX files with what we say of images, and a script compare that with what onnxruntime says.
fn compare_onnx(setup: &Setup, example: &str, script: &str, arguments: &[&Path]) -> Result<(), Error> {
    let packages = onnxruntime::ready(&setup.checkout)?;
    let python = Python::find().ok_or_else(|| Error::Tool("there is no Python with pip here".to_owned()))?;
    let target = setup.checkout.target();
    let folder = target.join(example);
    process::run(cargo(setup, &["build", "--example", example]).args(EVERYTHING))?;
    let mut command = Command::new(target.join("debug/examples").join(example));
    process::run(command.arg(&folder).args(arguments))?;
    let script = setup.checkout.root().join("tests/peers").join(script);
    process::run(python.command().arg(script).arg(&folder).env("PYTHONPATH", packages))
}

fn test(setup: &Setup) -> Result<(), Error> {
    let nextest = process::succeeds(process::cargo(&setup.checkout).args(["nextest", "--version"]));
    let runner: &[&str] = if nextest { &["nextest", "run"] } else { &["test"] };
    process::run(for_tests(cargo(setup, runner).args(RUN).args(EVERYTHING), setup))
}

/// What the end-to-end tests have to know. LibTorch's threads sleep while they wait: spinning, tests side by side slow each other down.
fn for_tests<'a>(command: &'a mut Command, setup: &Setup) -> &'a mut Command {
    let target = setup.checkout.target();
    command.env("WAKUTEKA_DORA", &setup.dora).env("WAKUTEKA_TARGET", target).env("OMP_WAIT_POLICY", "passive")
}

/// Every YAML in the folder that lists nodes.
fn find_dataflows(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = fs::read_dir(folder).map_err(|e| files::with_path(folder, &e))?;
    let mut found = Vec::new();
    for path in list.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()? {
        if path.extension().is_some_and(|end| end == "yml" || end == "yaml") {
            let text = fs::read_to_string(&path).map_err(|e| files::with_path(&path, &e))?;
            if text.lines().any(|line| line.trim_end() == "nodes:") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::Checkout;

    fn setup() -> Setup {
        let checkout = Checkout::find().unwrap();
        Setup { checkout, dora: "/tools/dora".into(), libtorch: "/libtorch".into() }
    }

    #[test]
    fn every_name_is_a_step_and_the_tests_come_last() {
        assert_eq!(STEPS.len(), Name::value_variants().len());
        for (step, name) in STEPS.iter().zip(Name::value_variants()) {
            assert_eq!(step.name, *name);
            assert_eq!(name.to_possible_value().unwrap().get_name(), name.text());
        }
        assert_eq!(STEPS.last().unwrap().name, Name::Test);
    }

    #[test]
    fn the_tests_are_told_where_things_are() {
        let setup = setup();
        let mut command = cargo(&setup, &["test"]);
        let env: Vec<_> = for_tests(&mut command, &setup).get_envs().filter_map(|(k, v)| Some((k, v?))).collect();
        for (name, value) in [("WAKUTEKA_DORA", "/tools/dora"), ("LIBTORCH", "/libtorch")] {
            assert!(env.contains(&(name.as_ref(), value.as_ref())), "{name}");
        }
        let target = setup.checkout.target();
        assert!(env.contains(&("WAKUTEKA_TARGET".as_ref(), target.as_os_str())));
        assert!(env.contains(&("CARGO_TARGET_DIR".as_ref(), target.as_os_str())));
    }

    #[test]
    fn only_dataflows_are_dataflows() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("pipeline.yml", "# x\nnodes:\n  - id: a\n");
        write("network.yml", "layers:\n  - nodes: 3\n");
        write("notes.txt", "nodes:\n");
        fs::create_dir(folder.path().join("types")).unwrap();
        assert_eq!(find_dataflows(folder.path()).unwrap(), [folder.path().join("pipeline.yml")]);
    }
}
