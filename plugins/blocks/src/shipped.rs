//! The networks that come with the program: the files of `dataflows/networks`.

use crate::description::Description;
use crate::error::BlocksError;

/// Name and text of each. `small-cnn` is what `cnn-relu` was called before it was a file.
pub const REGISTRY: &[(&str, &str)] = &[
    ("small-cnn", include_str!("../../../dataflows/networks/cnn-relu.yml")),
    ("cnn-relu", include_str!("../../../dataflows/networks/cnn-relu.yml")),
    ("cnn-tanh", include_str!("../../../dataflows/networks/cnn-tanh.yml")),
    ("lenet", include_str!("../../../dataflows/networks/lenet.yml")),
    ("resnet18", include_str!("../../../dataflows/networks/resnet18.yml")),
    ("resnet34", include_str!("../../../dataflows/networks/resnet34.yml")),
    ("resnet50", include_str!("../../../dataflows/networks/resnet50.yml")),
    ("efficientnet-lite0", include_str!("../../../dataflows/networks/efficientnet-lite0.yml")),
    ("efficientnet-lite2", include_str!("../../../dataflows/networks/efficientnet-lite2.yml")),
];

/// Networks for frozen features, found by name but not listed: nobody would train one of these whole.
const BACKBONES: &[(&str, &str)] =
    &[("efficientnet-lite0-lite2", include_str!("../../../dataflows/networks/efficientnet-lite0-lite2.yml"))];

/// The names of all that are worth training whole.
pub fn names() -> Vec<&'static str> {
    REGISTRY.iter().map(|(name, _)| *name).collect()
}

/// The one of this name, when there is one.
///
/// # Errors
/// [`BlocksError::Form`], which a test rules out.
pub fn find(name: &str) -> Result<Option<Description>, BlocksError> {
    let found = REGISTRY.iter().chain(BACKBONES).find(|(known, _)| *known == name);
    found.map(|(name, text)| Description::parse(name, text)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// torchvision.models, LeCun's LeNet-5 but for what the file says, and the PyTorch port of EfficientNet-Lite0.
    #[test]
    fn they_have_the_published_parameters() {
        for (name, size, expected) in [
            ("resnet18", 224, 11_689_512),
            ("resnet34", 224, 21_797_672),
            ("resnet50", 224, 25_557_032),
            ("efficientnet-lite0", 224, 4_652_008),
            ("efficientnet-lite2", 260, 6_092_072),
            ("efficientnet-lite0-lite2", 260, 4_652_008 + 6_092_072 - 1000),
        ] {
            let graph = find(name).unwrap().unwrap().graph(size, 1000).unwrap();
            assert_eq!(graph.parameters(), expected, "{name}");
        }
    }

    #[test]
    fn every_one_works_at_both_ends_of_its_sizes() {
        for name in names() {
            let description = find(name).unwrap().unwrap();
            let (min, max) = description.sizes_px();
            for size in [min, 33, 64, max] {
                description.graph(size, 2).unwrap();
            }
            assert!(description.about().len() > 20, "{name}");
        }
        assert!(find("resnet19").unwrap().is_none());
    }

    #[test]
    fn every_file_of_the_folder_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dataflows/networks");
        for file in std::fs::read_dir(folder).unwrap().flatten() {
            let name = file.path().file_stem().unwrap().to_string_lossy().into_owned();
            assert_eq!(find(&name).unwrap().unwrap(), Description::read(&file.path()).unwrap());
        }
    }
}
