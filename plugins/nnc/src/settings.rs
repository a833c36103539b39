//! A project's settings as options of the pipeline's nodes.

use crate::formula::Formula;
use crate::project::{Layer, Project};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Options of nodes, by node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<&'static str, Vec<String>>);

impl Options {
    fn add(&mut self, node: &'static str, option: String) {
        self.0.entry(node).or_default().push(option);
    }

    /// The options of a node as a line for its `args:`.
    pub fn of(&self, node: &str) -> String {
        self.0.get(node).map(|options| options.join(" ")).unwrap_or_default()
    }

    /// A line a node, as YAML.
    pub fn yaml(&self) -> String {
        let mut text = String::new();
        for (node, options) in &self.0 {
            let _ = writeln!(text, "{node}: {}", options.join(" "));
        }
        text
    }
}

/// What else decides options.
pub struct Facts<'a> {
    /// What the network's file is called.
    pub name: &'a str,
    /// Side of its images.
    pub size_px: u32,
    /// Whether an image may have several classes.
    pub several: bool,
    /// Augmentation, in its order.
    pub preparations: &'a [Layer],
}

/// Whether colours go from 0 to 1 in the data set that is trained on.
pub fn image_normalization(project: &Project) -> bool {
    let name = project.value("Optimizer_0", "Optimizer_DatasetName");
    let mut all: Vec<String> = sections(project, "Dataset_");
    all.sort_by_key(|section| project.value(section, "Name") != name);
    all.first().and_then(|section| project.value(section, "ImageNormalization")).is_none_or(|value| value != "0")
}

/// Names and URIs of data sets.
pub fn data_sets(project: &Project) -> Vec<(String, String)> {
    let read = |section: &String, key| project.value(section, key).unwrap_or_default().to_owned();
    sections(project, "Dataset_").iter().map(|section| (read(section, "Name"), read(section, "URI"))).collect()
}

/// Names of the sections `prefix0`, `prefix1` and so on.
fn sections(project: &Project, prefix: &str) -> Vec<String> {
    let names = (0..project.sections.len()).map(|i| format!("{prefix}{i}"));
    names.take_while(|section| project.sections.contains_key(section)).collect()
}

/// Height and width that a block of preparation gives images.
pub fn shape(layer: &Layer) -> Option<(u64, u64)> {
    let sides: Vec<u64> =
        layer.property("Shape")?.split(',').map(|side| side.trim().parse().ok()).collect::<Option<_>>()?;
    match sides[..] {
        [_, height, width] => Some((height, width)),
        _ => None,
    }
}

fn number(project: &Project, section: &str, key: &str) -> Option<f64> {
    project.value(section, key)?.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Options of all nodes; what has no counterpart is noted.
pub fn read(project: &Project, facts: &Facts<'_>, notes: &mut BTreeSet<String>) -> Options {
    let mut options = Options::default();
    let size = facts.size_px.clamp(16, 512);
    if size != facts.size_px {
        notes.insert(format!("images of {} px: accepted are 16 to 512 px, so {size} px are taken", facts.size_px));
    }
    for node in ["resize", "dataset", "train"] {
        options.add(node, format!("--size {size}"));
    }
    if size > 224 {
        options.add("decode", format!("--size {size}"));
    }
    options.add("dataset", "--balance off".to_owned());
    if facts.several {
        options.add("dataset", "--labels multi".to_owned());
    }
    options.add("train", format!("--strategy scratch --model {}.yml", facts.name));
    train(project, &mut options, notes);
    augment(facts, &mut options, notes);
    search(project, &mut options, notes);
    if !options.of("search").is_empty() {
        options.add("search", format!("--model {}.yml --size {size}", facts.name));
    }
    options
}

fn train(project: &Project, options: &mut Options, notes: &mut BTreeSet<String>) {
    let mut add = |option: String| options.add("train", option);
    let epochs = number(project, "Config", "MaxEpoch").unwrap_or(100.0).clamp(1.0, 10_000.0);
    add(format!("--epochs {epochs}"));
    let batch = number(project, "Config", "BatchSize").unwrap_or(64.0);
    let interval = number(project, "Optimizer_0", "UpdateInterval").filter(|interval| *interval > 1.0).unwrap_or(1.0);
    let images = (batch * interval).clamp(1.0, 4096.0);
    if interval > 1.0 {
        notes.insert(format!(
            "UpdateInterval={interval}: gradients of {batch} images are not gathered; a step has {images} images"
        ));
    }
    add(format!("--batch-size {images}"));
    solver(project, &mut add, notes);
    schedule(project, epochs, batch, &mut add, notes);
    add("--label-smoothing 0".to_owned());
    if project.value("Config", "TypeConfig") == Some("Half") {
        notes.insert("TypeConfig=Half: 16 bits are `--precision bf16` on LibTorch; fp32 is taken".to_owned());
    }
    if project.value("Config", "SaveBest") == Some("0") {
        notes.insert("SaveBest=0: the best epoch is kept here, not the last".to_owned());
    }
}

fn solver(project: &Project, add: &mut impl FnMut(String), notes: &mut BTreeSet<String>) {
    let section = "Optimizer_0";
    let parameters: BTreeMap<String, f64> = (0..)
        .map_while(|i| {
            let name = project.value(section, &format!("SolverParameterName_{i}"))?.to_owned();
            Some((name, number(project, section, &format!("SolverParameter_{i}"))?))
        })
        .collect();
    let solver = project.value(section, "SolverName").unwrap_or("Adam");
    let optimizer = match solver {
        "Sgd" | "SGD" | "Momentum" | "Nesterov" | "SgdW" | "Lars" => "sgd",
        "AdamW" => "adamw",
        _ => "adam",
    };
    if !matches!(solver, "Sgd" | "SGD" | "Momentum" | "Adam" | "AdamW") {
        notes.insert(format!("SolverName={solver}: {optimizer} takes its place"));
    }
    add(format!("--optimizer {optimizer}"));
    let rate = parameters.get("LearningRate").or_else(|| parameters.get("Alpha")).or_else(|| parameters.get("LR"));
    if let Some(rate) = rate.filter(|rate| **rate > 0.0 && **rate <= 10.0) {
        add(format!("--learning-rate {rate}"));
    }
    let momentum = parameters.get("Momentum").copied().unwrap_or(0.0).clamp(0.0, 0.9999);
    if optimizer == "sgd" {
        add(format!("--momentum {momentum}"));
    }
    let decay = number(project, section, "WeightDecay").unwrap_or(0.0);
    add(format!("--weight-decay {}", weight_decay(solver, decay, rate.copied(), momentum, notes)));
    for (name, usual) in [("Beta1", 0.9), ("Beta2", 0.999), ("Epsilon", 1e-8)] {
        if let Some(value) = parameters.get(name).filter(|value| (**value - usual).abs() > 1e-12) {
            notes.insert(format!("{name}={value} of {solver}: {usual} here"));
        }
    }
}

/// The weight decay that pulls weights as hard here. nnabla's decoupled solvers take a share of each weight away in every step, whatever the
/// learning rate is at first; ours, as PyTorch's, that share times the learning rate. Source: nnabla 1.39.0,
/// `findings/nnabla-decay-and-clipping.sh`.
fn weight_decay(solver: &str, decay: f64, rate: Option<f64>, momentum: f64, notes: &mut BTreeSet<String>) -> f64 {
    let Some(rate) = rate.filter(|rate| *rate > 0.0 && decay > 0.0) else { return decay };
    let here = match solver {
        "AdamW" => decay / rate,
        // Coupled here, so momentum makes it 1 / (1 - momentum) times as strong in the long run.
        "SgdW" => decay * (1.0 - momentum) / rate,
        _ => return decay,
    };
    // Without the last digits, which division alone has made.
    let here = (here * 1e9).round() / 1e9;
    notes.insert(format!(
        "WeightDecay={decay} of {solver} does not depend on the learning rate there: {here} is as strong here"
    ));
    here
}

/// The learning rate over time. Intervals are in epochs (unit 0) or in steps (1, and where no unit is written).
fn schedule(project: &Project, epochs: f64, batch: f64, add: &mut impl FnMut(String), notes: &mut BTreeSet<String>) {
    let section = "Optimizer_0";
    let factor = number(project, section, "LearningRateMultiplier").unwrap_or(1.0);
    let interval = number(project, section, "LearningRateUpdateInterval").unwrap_or(1.0);
    let images = number(project, "Dataset_0", "NumData").filter(|images| *images > 0.0);
    let in_steps = project.value(section, "LearningRateUpdateIntervalUnit") != Some("0");
    let in_epochs = |length: f64, in_steps: bool| {
        if in_steps { images.map(|images| length / (images / batch).ceil()) } else { Some(length) }
    };
    match project.value(section, "LearningRateScheduler").unwrap_or("Exponential") {
        "Cosine" => add("--schedule cosine".to_owned()),
        "Polynomial" => {
            let power = number(project, section, "LearningRatePower").unwrap_or(1.0);
            notes.insert(format!("LearningRateScheduler=Polynomial with power {power}: cosine, which falls to nothing too, takes its place"));
            add("--schedule cosine".to_owned());
        }
        "Exponential" | "Step" if factor != 1.0 => {
            let steps = project
                .value(section, "LearningRateSteps")
                .and_then(|text| text.split(',').next()?.trim().parse().ok());
            if let Some(every) =
                in_epochs(steps.unwrap_or(interval), in_steps).filter(|every| *every > 0.0 && *every <= 1000.0)
            {
                let every = (every * 1000.0).round() / 1000.0;
                add(format!("--schedule step --step-epochs {every} --step-factor {}", factor.clamp(0.0, 0.9999)));
            } else {
                notes.insert(format!(
                    "the learning rate is multiplied by {factor} every {interval} steps: how many epochs that are depends on the data set \
                     (--schedule step --step-epochs STEPS·{batch}/IMAGES --step-factor {factor}); constant is taken"
                ));
                add("--schedule constant".to_owned());
            }
        }
        "Exponential" | "Step" | "None" => add("--schedule constant".to_owned()),
        other => {
            notes.insert(format!("LearningRateScheduler={other}: constant takes its place"));
            add("--schedule constant".to_owned());
        }
    }
    let warm_up = project.value(section, "LearningRateWarmupScheduler").is_some_and(|scheduler| scheduler != "None");
    if warm_up && let Some(length) = number(project, section, "LearningRateWarmupLength") {
        let in_steps = project.value(section, "LearningRateWarmupLengthUnit") != Some("0");
        match in_epochs(length, in_steps) {
            Some(length) => add(format!("--warm-up-epochs {}", length.clamp(0.0, epochs.min(1000.0)))),
            None => {
                notes.insert(format!("the learning rate rises for {length} steps: see --warm-up-epochs"));
            }
        }
    }
}

fn augment(facts: &Facts<'_>, options: &mut Options, notes: &mut BTreeSet<String>) {
    let number = |layer: &Layer, key: &str, usual: f64| {
        layer.property(key).and_then(|text| Formula::parse(text).ok()?.value(&[])).unwrap_or(usual)
    };
    let flag = |layer: &Layer, key: &str| layer.property(key) == Some("True") || layer.property(key) == Some("1");
    let (mut flip, mut degrees, mut brightness, mut contrast) = (false, 0.0_f64, 0.0_f64, 0.0_f64);
    let (mut padding, mut fill, mut erase) = (0.0_f64, "edge", 0.0_f64);
    for layer in facts.preparations {
        let mut note = |what: &str| {
            notes.insert(format!("{} ({}): {what}", layer.name, layer.kind));
        };
        match layer.kind.as_str() {
            "ImageAugmentation" => {
                flip |= flag(layer, "FlipLR");
                degrees = degrees.max(number(layer, "Angle", 0.0).abs().to_degrees());
                brightness = brightness.max(number(layer, "Brightness", 0.0).abs());
                contrast = contrast.max((number(layer, "Contrast", 1.0) - 1.0).abs());
                let scales = [number(layer, "MinScale", 1.0), number(layer, "MaxScale", 1.0)];
                if scales != [1.0, 1.0] {
                    note(&format!(
                        "scales {} to {} have no counterpart; images are moved, not enlarged",
                        scales[0], scales[1]
                    ));
                }
                for (key, usual) in [("AspectRatio", 1.0), ("Distortion", 0.0), ("Noise", 0.0)] {
                    let value = number(layer, key, usual);
                    if value != usual {
                        note(&format!("{key}={value} has no counterpart"));
                    }
                }
                for key in ["FlipUD", "BrightnessEach", "ContrastEach"] {
                    if flag(layer, key) {
                        note(&format!("{key} has no counterpart"));
                    }
                }
                if layer.property("Pad").is_some_and(|pad| pad.split(',').any(|side| side.trim() != "0")) {
                    note("Pad has no counterpart");
                }
                if number(layer, "Brightness", 0.0) != 0.0 {
                    note("Brightness is added there and multiplied here");
                }
            }
            "RandomFlip" => {
                let axes: Vec<&str> = layer.property("Axes").unwrap_or_default().split(',').map(str::trim).collect();
                flip |= axes.contains(&"2");
                if axes.contains(&"1") {
                    note("images are not turned upside down here");
                }
            }
            "RandomShift" => {
                let shift = layer
                    .property("Shift")
                    .unwrap_or_default()
                    .split(',')
                    .filter_map(|side| side.trim().parse::<f64>().ok());
                padding = padding.max(shift.fold(0.0, f64::max) / f64::from(facts.size_px) * 100.0);
                match layer.property("BorderMode") {
                    Some("reflect") => fill = "reflect",
                    Some("nearest") | None => {}
                    Some(other) => note(&format!("BorderMode={other}: the outermost pixels are repeated here")),
                }
            }
            "RandomCrop" => note("images are not cut; see --crop-padding-percent of augment"),
            "RandomErase" => erase = erase.max(number(layer, "Prob", 0.5)),
            "MixUp" => options.add("train", format!("--mixup {}", number(layer, "Alpha", 0.5).clamp(0.0, 10.0))),
            "CutMix" => options.add("train", format!("--cutmix {}", number(layer, "Alpha", 1.0).clamp(0.0, 10.0))),
            _ => note("has no counterpart"),
        }
    }
    let mut add = |option: String| options.add("augment", option);
    let on = |value: bool| if value { "on" } else { "off" };
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    add(format!("--flip {}", on(flip)));
    add(format!("--rotation {} --rotation-degrees {}", on(degrees > 0.0), rounded(degrees.min(45.0))));
    add(format!("--jitter {}", on(brightness > 0.0 || contrast > 0.0)));
    add(format!(
        "--brightness {} --contrast {} --saturation 0",
        rounded(brightness.min(1.0)),
        rounded(contrast.min(1.0))
    ));
    add(format!("--crop-padding-percent {} --crop-padding-fill {fill}", padding.clamp(0.0, 50.0).round()));
    add(format!("--erase-probability {}", rounded(erase.clamp(0.0, 1.0))));
}

/// Settings of structure search, which are kept whether it is enabled or not.
fn search(project: &Project, options: &mut Options, notes: &mut BTreeSet<String>) {
    let section = "StructureSearch";
    let Some(method) = project.value(section, "Method") else { return };
    let method = match method {
        "Random" => "random",
        "NetworkFeatureAndGaussianProcess" => "gaussian-process",
        other => {
            notes.insert(format!("StructureSearch Method={other}: gaussian-process takes its place"));
            "gaussian-process"
        }
    };
    options.add("search", format!("--method {method}"));
    let objective = match project.value(section, "Objective") {
        Some("Error") => "error",
        _ => "error-and-cost",
    };
    options.add("search", format!("--objective {objective}"));
    for (key, flag) in [("AttemptTimes", "--attempts"), ("AttemptHours", "--hours"), ("NumParallel", "--parallel")] {
        if let Some(value) = number(project, section, key).filter(|value| *value > 0.0) {
            options.add("search", format!("{flag} {value}"));
        }
    }
    if let Some(most) = number(project, section, "CostMultiplyAdd_Max").filter(|most| *most > 0.0) {
        options.add("search", format!("--max-multiply-adds {most}"));
    }
    for key in ["Validation_Min", "Validation_Max", "CostMultiplyAdd_Min"] {
        if let Some(value) = number(project, section, key).filter(|value| *value >= 0.0) {
            notes.insert(format!("StructureSearch {key}={value}: see the bounds of search"));
        }
    }
    if project.value(section, "Enabled") != Some("1") {
        notes.insert("structure search is not enabled in the project; its options are those of search".to_owned());
    }
}
