//! Options. The doc comments are the `--help`.

use crate::checkout::Checkout;
use crate::tools::weights::Pretrained;
use crate::verify::steps::Name;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Wakuteka: drop images into folders, and a classifier keeps learning from them.
#[derive(Debug, Parser)]
#[command(name = "cargo wakuteka", bin_name = "cargo wakuteka")]
pub struct Cli {
    /// Print the result as JSON on standard output, and lines for people on standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows the whole workflow on images that come with the checkout. Short form: `cargo demo`.
    ///
    /// Gets the dora command line when there is none, builds the nodes, lays out a workspace, starts the dataflow,
    /// and waits for the first verdict. Leaves nothing running.
    Demo(Demo),
    /// Sets up what the tests need, then formats, lints, documents, builds and tests. Short form: `cargo verify`.
    Verify(Verify),
    /// Checks the options of every node, builds what is missing, starts dora and a dataflow, and says where the page is.
    Start(Start),
    /// Stops what `start` has started.
    Stop,
    /// Shows the champion, the next run, what needs you, and what the nodes are doing.
    Status(Status),
    /// Writes the labelled images as a data set of Sony's Neural Network Console. `--help` after it says how.
    #[command(disable_help_flag = true)]
    ExportNnc(PassedOn),
    /// Lays a data set of Sony's Neural Network Console out as class folders. `--help` after it says how.
    #[command(disable_help_flag = true)]
    ImportNnc(PassedOn),
    /// Writes a model as safetensors, ONNX or nnp. `--help` after it says how.
    #[command(disable_help_flag = true)]
    ExportModel(PassedOn),
    /// Trains networks side by side on the same images: sizes, recipes, or folds of a cross-validation. `--help` after it
    /// says how.
    #[command(disable_help_flag = true)]
    Experiment(PassedOn),
    /// The champion, those before it, and changing that by hand.
    #[command(subcommand)]
    Models(Models),
    /// What was trained, from what, why, and what came of it.
    #[command(subcommand)]
    Runs(Runs),
    /// Prints the options of every node as Markdown tables.
    Options(Options),
    /// Networks of blocks.
    #[command(subcommand)]
    Network(Network),
    /// Gets the dora command line when there is none, and prints where it is.
    Dora,
    /// Gets LibTorch when there is none, and prints where it is and how to build with it.
    Libtorch,
    /// Gets pretrained weights when they are not there, and prints where they are. Embeddings need them.
    Weights(Weights),
}

/// Options of a program that knows them itself.
#[derive(Clone, Debug, Default, Args)]
pub struct PassedOn {
    /// Passed on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    pub words: Vec<OsString>,
}

/// Where the workspace is.
#[derive(Clone, Debug, Default, Args)]
pub struct WorkspaceArgs {
    /// The workspace: photos/, runs/ and models/ lie in it [default: $WAKUTEKA_HOME, or .wakuteka/home in the checkout]
    #[arg(long = "home", value_name = "FOLDER")]
    pub root: Option<PathBuf>,
}

impl WorkspaceArgs {
    /// The folder asked for, or the one in the checkout. It need not exist.
    pub fn folder(&self, checkout: &Checkout) -> PathBuf {
        // Not by clap, whose usage lines would show `--home` as needed where the variable is set.
        let named = || std::env::var_os("WAKUTEKA_HOME").filter(|root| !root.is_empty()).map(PathBuf::from);
        self.root.clone().or_else(named).unwrap_or_else(|| checkout.workspace())
    }
}

/// Options of `demo`.
#[derive(Clone, Debug, Default, Args)]
pub struct Demo {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Leave the dataflow running, to drop more images in.
    #[arg(long)]
    pub keep: bool,
    /// Forget the data set, runs and models of an earlier demo and learn anew. Images stay.
    #[arg(long)]
    pub fresh: bool,
    /// Take the nodes as they are built already.
    #[arg(long)]
    pub no_build: bool,
}

/// Options of `verify`.
#[derive(Clone, Debug, Default, Args)]
pub struct Verify {
    /// Only these steps.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEP")]
    pub only: Vec<Name>,
    /// All but these steps.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEP")]
    pub skip: Vec<Name>,
}

/// Options of `options`.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// As Markdown, which is the only form there is.
    #[arg(long)]
    pub markdown: bool,
    /// Write them into dataflows/README.md instead of printing them.
    #[arg(long)]
    pub write: bool,
}

/// Options of `weights`.
#[derive(Clone, Debug, Args)]
pub struct Weights {
    /// The network.
    #[arg(value_enum, value_name = "NETWORK")]
    pub of: Pretrained,
}

/// What to do with models.
#[derive(Clone, Debug, Subcommand)]
pub enum Models {
    /// Lists the champion and those before it, the newest first.
    List(WorkspaceArgs),
    /// Shows a model's figures; the champion's when none is named.
    Show(ModelsShow),
    /// Makes a model champion, or a run that was evaluated, whatever its verdict. Running nodes take it up by themselves.
    Promote(ModelsPromote),
    /// Makes the champion before the present one champion again.
    Rollback(WorkspaceArgs),
}

impl Models {
    /// Where the workspace is.
    pub fn workspace(&self) -> &WorkspaceArgs {
        match self {
            Self::List(workspace) | Self::Rollback(workspace) => workspace,
            Self::Show(options) => &options.workspace,
            Self::Promote(options) => &options.workspace,
        }
    }
}

/// Options of `models show`.
#[derive(Clone, Debug, Args)]
pub struct ModelsShow {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// The model, or the beginning of its name.
    #[arg(value_name = "MODEL")]
    pub id: Option<String>,
}

/// Options of `models promote`.
#[derive(Clone, Debug, Args)]
pub struct ModelsPromote {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// The model or run, or the beginning of its name.
    #[arg(value_name = "MODEL|RUN")]
    pub id: String,
}

/// What to do with runs.
#[derive(Clone, Debug, Subcommand)]
pub enum Runs {
    /// Lists runs, the newest first, with their reason and the options in which each differs from the one before.
    List(RunsList),
    /// Shows everything about a run; the newest when none is named.
    Show(RunsShow),
    /// Shows runs side by side, and the options in which they differ.
    Compare(RunsCompare),
    /// Asks the graph for a run now, also when it starts none by itself (`train --retrain off`).
    Retrain(RunsRetrain),
}

impl Runs {
    /// Where the workspace is.
    pub fn workspace(&self) -> &WorkspaceArgs {
        match self {
            Self::List(options) => &options.workspace,
            Self::Show(options) => &options.workspace,
            Self::Compare(options) => &options.workspace,
            Self::Retrain(options) => &options.workspace,
        }
    }
}

/// Options of `runs retrain`.
#[derive(Clone, Debug, Args)]
pub struct RunsRetrain {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// The run whose weights it begins with, or the beginning of its name. Without it: as it would by itself.
    #[arg(long, value_name = "RUN")]
    pub from: Option<String>,
}

/// Options of `runs list`.
#[derive(Clone, Debug, Args)]
pub struct RunsList {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Only so many, the newest.
    #[arg(long, value_name = "NUMBER")]
    pub last: Option<usize>,
}

/// Options of `runs show`.
#[derive(Clone, Debug, Args)]
pub struct RunsShow {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// The run, or the beginning of its name.
    #[arg(value_name = "RUN")]
    pub id: Option<String>,
}

/// Options of `runs compare`.
#[derive(Clone, Debug, Args)]
pub struct RunsCompare {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// The runs, or the beginnings of their names.
    #[arg(value_name = "RUN", num_args = 2.., required = true)]
    pub ids: Vec<String>,
}

/// What to do with a network.
#[derive(Clone, Debug, Subcommand)]
pub enum Network {
    /// Shows a network block by block: shapes, trainable parameters, and work.
    Show(NetworkShow),
}

/// Options of `network show`.
#[derive(Clone, Debug, Args)]
pub struct NetworkShow {
    /// A network that comes with the program, or a file of blocks that ends in .yml.
    #[arg(value_name = "NAME|FILE")]
    pub network: String,
    /// Side of the images, pixels.
    #[arg(long, default_value_t = 64, value_name = "PIXELS")]
    pub size: u32,
    /// Classes.
    #[arg(long, default_value_t = 8, value_name = "NUMBER")]
    pub classes: usize,
    /// Draw it into this file too, as SVG.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Options of `start`.
#[derive(Clone, Debug, Default, Args)]
pub struct Start {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// The dataflow: the name of one in dataflows/ (pipeline, curate, …), or a file.
    #[arg(default_value = "pipeline", value_name = "DATAFLOW")]
    pub dataflow: PathBuf,
    /// Stay until Ctrl-C, and then stop it.
    #[arg(long)]
    pub attach: bool,
    /// Only check the options of every node.
    #[arg(long)]
    pub check: bool,
}

/// Options of `status`.
#[derive(Clone, Debug, Default, Args)]
pub struct Status {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Go on showing until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_shows_a_workspace_that_is_optional() {
        let usage = Cli::try_parse_from(["wakuteka", "runs", "compare"]).unwrap_err().to_string();
        assert!(usage.contains("runs compare <RUN> <RUN>...") && !usage.contains("--home"), "{usage}");
    }

    #[test]
    fn json_is_asked_for_anywhere() {
        for line in ["--json status", "status --json", "runs list --json", "models --json show"] {
            assert!(Cli::try_parse_from(std::iter::once("wakuteka").chain(line.split(' '))).unwrap().json, "{line}");
        }
    }

    #[test]
    fn steps_are_listed_with_commas() {
        let cli = Cli::try_parse_from(["wakuteka", "verify", "--only", "format,test"]).unwrap();
        let Command::Verify(options) = cli.command else { panic!("{cli:?}") };
        assert_eq!(options.only, [Name::Format, Name::Test]);
    }

    #[test]
    fn options_of_other_programs_are_passed_on() {
        let words = ["export-nnc", "--help", "out", "--size", "32"];
        let cli = Cli::try_parse_from([&["wakuteka"], &words[..]].concat()).unwrap();
        let Command::ExportNnc(options) = cli.command else { panic!("{cli:?}") };
        assert_eq!(options.words, words[1..]);
        let cli = Cli::try_parse_from(["wakuteka", "experiment", "sizes", "--help"]).unwrap();
        assert!(matches!(cli.command, Command::Experiment(PassedOn { words }) if words == ["sizes", "--help"]));
        let cli = Cli::try_parse_from(["wakuteka", "import-nnc", "in", "--classes", "a,b"]).unwrap();
        assert!(matches!(cli.command, Command::ImportNnc(PassedOn { words }) if words == ["in", "--classes", "a,b"]));
    }

    #[test]
    fn runs_are_compared_two_at_least() {
        let parse = |words: &[&str]| Cli::try_parse_from([&["wakuteka", "runs", "compare"], words].concat());
        assert!(
            matches!(parse(&["a", "b", "c"]).unwrap().command, Command::Runs(Runs::Compare(o)) if o.ids.len() == 3)
        );
        let error = parse(&["a"]).unwrap_err().to_string();
        assert!(error.contains("RUN") && error.contains('2'), "{error}");
    }

    #[test]
    fn an_unknown_step_is_refused_and_the_known_ones_named() {
        let error = Cli::try_parse_from(["wakuteka", "verify", "--skip", "tests"]).unwrap_err().to_string();
        assert!(error.contains("--skip") && error.contains("'tests'") && error.contains("format"), "{error}");
    }
}
