//! Options of the node.

pub mod strategy;

use crate::config::strategy::Strategy;
use crate::error::TrainError;
use clap::Parser;
use plugin_api::{ResizeMode, WorkspaceArgs};
use plugin_decode::Limits;
use plugin_harness::HasWorkspace;
use plugin_heads::{FirstClassifier, HeadOptions};
use plugin_inference::BackboneOptions;
use plugin_model::train::progressive::Growth;
use plugin_model::weights::Loaded;
use plugin_model::{Architecture, DeviceAugmentOptions, DeviceChoice, TrainerOptions, WeightsFile};
use plugin_training::cross_validation::CrossValidate;
use plugin_training::retrain::{RetrainOptions, retrain_epochs};
use plugin_training::trigger_options::TriggerOptions;
use serde_json::{Value, json};

/// Trains a model whenever the data set has changed: a head on pretrained features, or a whole network.
///
/// Networks start from the champion's weights when architecture and size are still the same, from scratch otherwise.
#[derive(Clone, Debug, Parser)]
#[command(name = "train")]
pub struct Config {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArgs,

    /// What candidates are made by.
    #[arg(long, value_enum, default_value_t)]
    pub strategy: Strategy,

    /// The backbone of heads.
    #[command(flatten)]
    pub backbone: BackboneOptions,

    /// How heads are fitted.
    #[command(flatten)]
    pub head: HeadOptions,

    /// The network that is trained whole: small-cnn (seconds on a CPU), cnn-relu, cnn-tanh, lenet, resnet18, resnet34, resnet50,
    /// efficientnet-lite0, or a file of blocks that ends in .yml, as those in networks/. Without it: a head, or --fallback-model.
    #[arg(long, value_name = "NAME|FILE")]
    pub model: Option<Architecture>,

    /// The network that is trained whole where --model names none and no head can be trained.
    #[arg(long, default_value = "small-cnn", value_name = "NAME|FILE")]
    pub fallback_model: Architecture,

    /// Weights to start from when there is no champion to start from: a file (safetensors, or PyTorch's .pth or .pt), or
    /// efficientnet-lite0, which `cargo wakuteka weights efficientnet-lite0` fetches. The last layer is trained anew when
    /// the classes are others.
    #[arg(long, value_name = "FILE|NAME")]
    pub weights: Option<WeightsFile>,

    /// Epochs at the start of a run with --weights in which the last layer alone learns, before all of them do.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=10_000), value_name = "EPOCHS")]
    pub freeze_epochs: u64,

    /// What the last layer begins with in a run that starts from --weights, where it cannot be read from them.
    #[arg(long, value_enum, default_value_t)]
    pub first_classifier: FirstClassifier,

    /// Side of the images, pixels: what `resize` sends. Given once for all nodes, under `env:`.
    #[arg(long, env = "WAKUTEKA_IMAGE_SIZE", default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=1024), value_name = "PIXELS")]
    pub size: u32,

    /// How `resize` fits them, for the model's card.
    #[arg(long, env = "WAKUTEKA_RESIZE_MODE", value_enum, default_value_t)]
    pub resize_mode: ResizeMode,

    /// Epochs of a run that starts from scratch.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=10_000), value_name = "NUMBER")]
    pub epochs: u64,

    /// Epochs of a run that starts from the champion. Without it: half of --epochs, rounded up.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000), value_name = "NUMBER")]
    pub retrain_epochs: Option<u64>,

    /// Images a step.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096), value_name = "NUMBER")]
    pub batch_size: u32,

    /// Decides first weights, order and augmentation: the same data, options and seed give the same model on the CPU.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,

    /// Where to compute: auto, flex, libtorch or libtorch-cuda:N.
    #[arg(long, default_value_t = DeviceChoice::Auto, value_name = "DEVICE")]
    pub device: DeviceChoice,

    #[command(flatten)]
    pub(crate) device_augment: DeviceAugmentOptions,

    /// A run ends when so many epochs in a row were no better than the best one; 0: it goes over all its epochs. Mind that
    /// the schedule one-cycle is at its best at its end.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=10_000), value_name = "EPOCHS")]
    pub patience: u64,

    /// Whether a run is cross-validated after its last epoch, to be evaluated on all images instead of the few that are held out:
    /// a network of the same options for each fold of whole groups, from scratch (or --weights), trained on all others. auto:
    /// 5 folds where fewer than 50 images are in test, or fewer than 3 of a class, and there are at most 1,000 in all; of heads,
    /// up to 5,000 images.
    #[arg(long, default_value_t = CrossValidate::Auto, value_name = "auto|off|FOLDS")]
    pub cross_validate: CrossValidate,

    /// A run from whose weights all runs begin instead of the champion's: its id, a folder of runs/.
    #[arg(long, value_name = "RUN")]
    pub from_run: Option<String>,

    /// With --strategy search: which of several `train` side by side it is, from 0; it takes the proposals for that one.
    #[arg(long, default_value_t = 0, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=63))]
    pub worker: u32,

    #[command(flatten)]
    pub(crate) retrain: RetrainOptions,

    #[command(flatten)]
    pub(crate) trigger: TriggerOptions,

    #[command(flatten)]
    pub(crate) trainer: TrainerOptions,

    /// What is not opened to be embedded.
    #[command(flatten)]
    pub(crate) limits: Limits,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }

    fn check(&self) -> Result<(), String> {
        self.clone().resolved().map(drop).map_err(|error| error.to_string())
    }
}

/// Share of the usual learning rate that pretrained layers are trained with.
const FINE_TUNE_RATE: f64 = 0.5;
/// What fits in a message of the graph, bytes, less what the other columns take.
const PIXELS_LIMIT: u64 = 15 << 20;

impl Config {
    /// The network that is trained whole.
    pub fn network(&self) -> &Architecture {
        self.model.as_ref().unwrap_or(&self.fallback_model)
    }

    /// Fills in what the strategy `fine-tune` takes by default: the backbone of heads and its weights, and half the usual learning
    /// rate. Refuses options that do not go together.
    ///
    /// # Errors
    /// [`TrainError::Options`], naming flags, values and what is accepted.
    pub fn resolved(mut self) -> Result<Self, TrainError> {
        if self.strategy == Strategy::FineTune {
            let wrong = |problem: String| TrainError::Options(format!("--strategy fine-tune: {problem}"));
            let is_open = self.model.is_none() && self.weights.is_none();
            if is_open && !self.backbone.is_there() {
                return Err(wrong(self.backbone.advice().to_string()));
            }
            if self.model.is_none() {
                let network = self.backbone.backbone_architecture.name().parse();
                self.model = Some(network.map_err(|error: plugin_model::ModelError| wrong(error.to_string()))?);
            }
            if is_open {
                self.weights = Some(self.backbone.weights().display().to_string().parse().map_err(wrong)?);
            }
            let usual = self.trainer.optimizer.usual_learning_rate();
            self.trainer.learning_rate.get_or_insert(usual * FINE_TUNE_RATE);
        }
        self.check()?;
        Ok(self)
    }

    /// Refuses options that do not go together.
    ///
    /// # Errors
    /// [`TrainError::Options`], naming flags, values and what is accepted.
    pub fn check(&self) -> Result<(), TrainError> {
        if self.strategy == Strategy::FineTune && self.weights.is_none() {
            let text = "--strategy fine-tune with --model: --weights must name what it starts from, as efficientnet-lite0 with \
                        --model efficientnet-lite0; without either it starts from --backbone";
            return Err(TrainError::Options(text.to_owned()));
        }
        if self.strategy == Strategy::Head && !self.backbone.is_there() {
            return Err(TrainError::Options(format!("--strategy head: {}", self.backbone.advice())));
        }
        let image = u64::from(self.size) * u64::from(self.size) * 3;
        let most = PIXELS_LIMIT / image;
        if u64::from(self.batch_size) > most {
            return Err(TrainError::Options(format!(
                "--batch-size {} with --size {}: a batch must fit in a message; accepted are 1 to {most}",
                self.batch_size, self.size
            )));
        }
        let (min, max) = self.network().description().sizes_px();
        let with = || format!("--size {} with --model {}", self.size, self.network().description().file());
        if !(min..=max).contains(&self.size) {
            return Err(TrainError::Options(format!("{}: accepted are {min} to {max}", with())));
        }
        let blocks = self.network().description().graph(self.size, 2);
        blocks.map_err(|e| TrainError::Options(format!("{}: {e}", with())))?;
        let growth = Growth::new(self.trainer.progressive, self.network(), 2, self.size, self.epochs);
        growth.map(drop).map_err(|e| TrainError::Options(e.to_string()))
    }

    /// Epochs of a run that starts from the champion.
    pub fn retrain_epochs(&self) -> u64 {
        retrain_epochs(self.retrain_epochs, self.epochs)
    }

    /// The options of a run, for its manifest; `tier` is what [`plugin_training::retrain::StartFrom::json`] says; `loaded` is what was read of `--weights` when it starts from them.
    pub fn options(&self, loaded: Option<&Loaded>, tier: Value) -> Value {
        let (retrain_epochs, digest) = (self.retrain_epochs(), self.digest());
        let mut options = json!({
            "trainer": self.trainer, "retrain_epochs": retrain_epochs, "cross_validate": self.cross_validate.to_string(), "config": digest, "tier": tier,
            "shrink": self.retrain.perturb.shrink, "noise": self.retrain.perturb.noise,
        });
        if let (Some(WeightsFile { path, digest }), Some(Loaded { read, kept, unused })) = (&self.weights, loaded) {
            let read = read.len();
            options["weights"] =
                json!({ "file": path, "digest": digest, "read": read, "kept": kept, "unused": unused });
        }
        options
    }

    /// Digest of everything that decides the result of training on given data. The device is not part of it, nor when a run
    /// starts.
    pub fn digest(&self) -> String {
        let decides = json!([
            self.network().description().canonical(),
            self.size,
            self.resize_mode,
            self.epochs,
            self.retrain_epochs(),
            self.batch_size,
            self.seed,
            self.patience,
            self.freeze_epochs,
            self.first_classifier.to_string(),
            self.from_run,
            [self.retrain.perturb.shrink, self.retrain.perturb.noise],
            self.trainer,
            self.weights.as_ref().map(|w| &w.digest),
        ]);
        blake3::hash(decides.to_string().as_bytes()).to_hex()[..16].to_owned()
    }

    /// Digest of everything that decides which head is fitted to given data.
    pub fn head_digest(&self) -> String {
        let decides = json!([
            "head",
            self.backbone.backbone_architecture.name(),
            self.backbone.size_px(),
            self.backbone.backbone_mode,
            self.head,
        ]);
        blake3::hash(decides.to_string().as_bytes()).to_hex()[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(line: &str) -> Config {
        Config::parse_from(std::iter::once("train").chain(line.split_whitespace()))
    }

    #[test]
    fn the_defaults_go_together() {
        config("").check().unwrap();
        assert_eq!(config("--epochs 9").retrain_epochs(), 5);
        assert_eq!(config("--epochs 9 --retrain-epochs 2").retrain_epochs(), 2);
    }

    #[test]
    fn fine_tuning_starts_from_the_backbone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        std::fs::write(&path, b"weights").unwrap();
        let line = format!("--strategy fine-tune --backbone-weights {}", path.display());
        let resolved = config(&line).resolved().unwrap();
        assert_eq!((resolved.network().name(), resolved.trainer.learning_rate), ("efficientnet-lite0", Some(0.0005)));
        assert_eq!(resolved.weights.unwrap().path, path);
        let other = config(&format!("{line} --learning-rate 0.1")).resolved().unwrap();
        assert_eq!(other.trainer.learning_rate, Some(0.1));
        let error = config("--strategy fine-tune --backbone-weights nowhere").resolved().unwrap_err().to_string();
        assert!(error.contains("fine-tune") && error.contains("cargo wakuteka weights"), "{error}");
        let error = config("--strategy fine-tune --model resnet18").resolved().unwrap_err().to_string();
        assert!(error.contains("--weights"), "{error}");
    }

    #[test]
    fn what_does_not_go_together_is_refused_by_name() {
        let error = config("--size 512 --batch-size 64").check().unwrap_err().to_string();
        assert!(error.contains("--batch-size 64") && error.contains("1 to 20"), "{error}");
        let error = config("--size 1024 --batch-size 1").check().unwrap_err().to_string();
        assert!(error.contains("--size 1024") && error.contains("16 to 512"), "{error}");
        let error = config("--progressive 0.5").check().unwrap_err().to_string();
        assert!(error.contains("--progressive 0.5") && error.contains("small-cnn"), "{error}");
        config("--progressive 0.5 --model resnet18").check().unwrap();
    }

    #[test]
    fn out_of_range_values_are_refused_by_name() {
        for line in [
            "--model resnet19",
            "--cross-validate 1",
            "--size 8",
            "--epochs 0",
            "--batch-size 0",
            "--device gpu",
            "--augment-on gpu",
            "--resize-mode fit",
        ] {
            let parsed = Config::try_parse_from(std::iter::once("train").chain(line.split_whitespace()));
            let error = parsed.unwrap_err().to_string();
            let (flag, value) = line.split_once(' ').unwrap();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn a_file_of_blocks_is_a_model_and_in_the_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yml");
        let with = |blocks: &str| {
            std::fs::write(&path, format!("blocks: [{blocks}, {{affine: classes, name: fc}}]")).unwrap();
            config(&format!("--model {}", path.display()))
        };
        let (one, two) = (with("relu"), with("tanh"));
        assert_eq!((one.network().name(), one.check().is_ok()), ("mine", true));
        assert_eq!(one.digest(), with("  relu  ").digest());
        assert_ne!(one.digest(), two.digest());
        let error = with("{convolution: 3, kernel: 99}").check().unwrap_err().to_string();
        assert!(["--model", "mine.yml", "block 1 (convolution)", "99 px"].iter().all(|p| error.contains(p)), "{error}");
        std::fs::write(&path, "blocks: [rely]").unwrap();
        let parsed = Config::try_parse_from(["train", "--model", &path.display().to_string()]);
        let error = parsed.unwrap_err().to_string();
        assert!(["--model", "mine.yml", "rely is no block"].iter().all(|p| error.contains(p)), "{error}");
    }

    #[test]
    fn weights_decide_too_and_are_named_when_they_are_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pth");
        std::fs::write(&path, b"one").unwrap();
        let with = || config(&format!("--weights {}", path.display())).digest();
        let one = with();
        std::fs::write(&path, b"two").unwrap();
        assert!(one != with() && one != config("").digest());
        let error = Config::try_parse_from(["train", "--weights", "no.pth"]).unwrap_err().to_string();
        assert!(error.contains("--weights") && error.contains("no.pth: "), "{error}");
    }

    #[test]
    fn the_digest_follows_what_decides_and_nothing_else() {
        let digest = |line: &str| config(line).digest();
        assert_eq!(
            digest(""),
            digest("--device flex --augment-on device --debounce-seconds 1 --min-train 3 --full-every 2 --home x")
        );
        assert_eq!(digest("--epochs 15"), digest("--retrain-epochs 8"));
        for line in [
            "--freeze-epochs 1",
            "--first-classifier random",
            "--ema 0.99",
            "--model resnet18",
            "--size 32",
            "--epochs 3",
            "--batch-size 8",
            "--seed 2",
            "--momentum 0.5",
        ] {
            assert_ne!(digest(""), digest(line), "{line}");
        }
    }
}
