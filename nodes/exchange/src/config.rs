//! Options. The doc comments are the `--help`.

use clap::{Args, Parser, Subcommand};
use plugin_api::WorkspaceArgs;
use plugin_decode::Limits;
use plugin_resize::ResizeOptions;
use std::path::PathBuf;

/// Data sets in the formats of other tools: in and out.
#[derive(Debug, Parser)]
#[command(name = "exchange", bin_name = "cargo wakuteka")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Writes the labelled images of a workspace as a data set of Neural Network Console.
    ///
    /// The folder gets index.csv (all), train.csv, validation.csv and test.csv (split as for training), classes.csv
    /// (number and name of each class), sources.csv (which photo became which file) and the resized images in data/.
    /// Images that stand in several classes are left out.
    ExportNnc(Export),
    /// Takes in a data set, a project (.sdcproj) or a model (.nnp) of Neural Network Console.
    ///
    /// A data set is laid out as class folders. A project becomes a network of blocks, NAME.yml, and the options of the
    /// pipeline's nodes, NAME.options.yml; a model becomes NAME.yml and its weights, NAME.safetensors. What has no
    /// counterpart is listed; what is no classifier of images is refused with the block that tells.
    ///
    /// Images are copied, never moved. Everything is checked before the first is copied. What is there already is
    /// not copied again. Which of them are for training and which for validation is decided by the workspace.
    ImportNnc(Import),
    /// Writes a model for other programs: its weights under PyTorch's names, or all of it as ONNX or for nnabla.
    ///
    /// In ONNX the input `pixels` is [N, 3, size, size]: red, green and blue from 0 to 255, of which the mean is taken,
    /// divided by the deviation. Both, the names of the classes in their order, how an image becomes that square (orientation,
    /// background, resize mode and filter) and the rest of the model's card stand in its metadata. The output `logits` is
    /// [N, classes]; softmax(logits / temperature) of the metadata are the probabilities. A head comes with its backbone in one
    /// graph and has these as a second output, `probabilities`.
    ///
    /// In nnp, nnabla's format, the input `x` is [N, 3, size, size], red, green and blue from 0 to 1; mean and deviation are its
    /// first function; the output `y` is the probabilities. A head comes with its backbone in one
    /// network, without its nearest neighbours, for which nnabla has no functions: what that costs is told.
    ///
    /// In safetensors the tensors of a head begin with `head.`, those of its backbone with `backbone.`.
    ExportModel(ExportModel),
}

/// Options of `export-model`.
#[derive(Clone, Debug, Args)]
pub struct ExportModel {
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// A run that has ended. Without it the champion.
    #[arg(long, value_name = "ID", conflicts_with = "champion")]
    pub run: Option<String>,
    /// The champion, which is meant without --run too.
    #[arg(long)]
    pub champion: bool,
    /// What to write.
    #[arg(long, value_enum)]
    pub format: Format,
    /// Where to write. A file that is there is replaced.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// How a model is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Weights alone; those of networks named and laid out as PyTorch's.
    Safetensors,
    /// Network and weights, ONNX with the lowest version of operators that has them all: 9 to 11.
    Onnx,
    /// Network, weights and an executor for nnabla and Neural Network Console.
    Nnp,
}

/// Options of `export-nnc`.
#[derive(Clone, Debug, Args)]
pub struct Export {
    /// Where to write: a folder that is not there yet.
    #[arg(value_name = "FOLDER")]
    pub to: PathBuf,
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Size and mode of the images.
    #[command(flatten)]
    pub resize: ResizeOptions,
    /// What an image may cost.
    #[command(flatten)]
    pub limits: Limits,
    /// Replace an earlier export that is there. A folder that holds anything else is not touched.
    #[arg(long)]
    pub force: bool,
}

/// Options of `import-nnc`.
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// The data set: a CSV file, or a folder with index.csv or else train.csv, validation.csv and test.csv; or a project,
    /// .sdcproj; or a model, .nnp.
    #[arg(value_name = "FILE_OR_FOLDER")]
    pub from: PathBuf,
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Where the class folders go [default: photos/ in the workspace], or the files of a project or model [default: the
    /// current folder]
    #[arg(long, value_name = "FOLDER")]
    pub into: Option<PathBuf>,
    /// Names of the classes, in the order of their numbers. Without it those in classes.csv beside the data set, then
    /// those in the header (`y:label;cat;dog`), then class-0, class-1, …
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub classes: Vec<String>,
    /// What an image may cost.
    #[command(flatten)]
    pub limits: Limits,
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
    fn what_is_wrong_is_named() {
        let refused = |args: &[&str]| Cli::try_parse_from([&["exchange"], args].concat()).unwrap_err().to_string();
        assert!(refused(&["export-nnc", "out", "--size", "4"]).contains("16..=512"));
        assert!(refused(&["export-nnc"]).contains("FOLDER"));
        assert!(refused(&["import-nnc", "in", "--copy"]).contains("--copy"));
    }

    #[test]
    fn a_model_is_a_runs_or_the_champion() {
        let parse = |line: &str| {
            let words = ["exchange", "export-model", "--out", "x"].into_iter().chain(line.split_whitespace());
            Cli::try_parse_from(words).map_err(|e| e.to_string())
        };
        assert!(parse("--format onnx").is_ok() && parse("--format safetensors --champion").is_ok());
        assert!(parse("--format onnx --run a --champion").unwrap_err().contains("--run"));
        assert!(parse("--format pth").unwrap_err().contains("safetensors, onnx, nnp"));
    }

    #[test]
    fn classes_are_listed_with_commas() {
        let cli = Cli::try_parse_from(["exchange", "import-nnc", "in", "--classes", "cat,dog"]).unwrap();
        let Command::ImportNnc(options) = cli.command else { panic!("{cli:?}") };
        assert_eq!(options.classes, ["cat", "dog"]);
    }
}
