//! The file of a network.
//!
//! ```yaml
//! about: a residual block of two convolutions, twice
//! sizes: [16, 512]          # images it takes, pixels; 1 to 4096 when it is not said
//! input: imagenet           # how colours are normalised; or {mean: 127, deviation: 128}, of numbers from 0 to 255
//! definitions:
//!   basic:
//!     parameters: {channels: required, stride: 1}
//!     blocks:
//!       - residual:
//!           - {convolution: channels, kernel: 3, stride: stride, padding: same, name: conv1}
//!           - relu
//!           - {convolution: channels, kernel: 3, padding: same, name: conv2}
//!         if-shapes-differ: [{convolution: channels, kernel: 1, stride: stride, padding: same, name: shortcut}]
//!       - relu
//! blocks:
//!   - {use: basic, channels: 32, repeat: 2, first: {stride: 2}, name: layer1}
//!   - global-average-pooling
//!   - {affine: classes, name: fc}
//! ```
//!
//! Any block may have `search: false`: structure search leaves it, and the blocks in it, as they are.

use crate::block::{Blocks, SEARCH_MARK};
use crate::error::BlocksError;
use crate::expression::Number;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::collections::BTreeMap;
use std::path::Path;

/// A network as it is written.
#[derive(Clone, Debug)]
pub struct Description {
    file: String,
    text: String,
    canonical: String,
    pub(crate) content: Content,
}

/// Two are equal when the same network comes out: notes, layout and the file's name do not count.
impl PartialEq for Description {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

/// What the file holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    #[serde(default)]
    pub about: String,
    #[serde(default = "any_size")]
    pub sizes: (u32, u32),
    #[serde(default)]
    pub input: Input,
    #[serde(default)]
    pub definitions: BTreeMap<String, Definition>,
    pub blocks: Blocks,
}

/// Blocks to be used by name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    pub blocks: Blocks,
}

/// A number that is given where the blocks are used.
#[derive(Clone, Debug)]
pub(crate) enum Parameter {
    Required,
    Usually(Number),
}

/// How colours are normalised before the first block: `(colour - mean) / deviation`, colours from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input {
    /// Taken from them, by channel.
    pub mean: [f32; 3],
    /// Then they are divided by it.
    pub deviation: [f32; 3],
}

impl Default for Input {
    /// Mean and deviation of ImageNet's images. <https://docs.pytorch.org/vision/stable/models.html>
    fn default() -> Self {
        let of_255 = |share: [f32; 3]| share.map(|v| v * 255.0);
        Self { mean: of_255([0.485, 0.456, 0.406]), deviation: of_255([0.229, 0.224, 0.225]) }
    }
}

/// Removes `search: true` and `search: false`, which say what structure search may change.
fn without_search_marks(value: &mut serde_yaml::Value) {
    match value {
        serde_yaml::Value::Mapping(fields) => {
            if fields.get(SEARCH_MARK).is_some_and(serde_yaml::Value::is_bool) {
                fields.remove(SEARCH_MARK);
            }
            fields.values_mut().for_each(without_search_marks);
        }
        serde_yaml::Value::Sequence(items) => items.iter_mut().for_each(without_search_marks),
        _ => {}
    }
}

fn any_size() -> (u32, u32) {
    (1, LARGEST_SIDE)
}

/// Side of the largest images, pixels.
const LARGEST_SIDE: u32 = 4096;

impl Description {
    /// Reads a file.
    ///
    /// # Errors
    /// [`BlocksError::File`] or [`BlocksError::Form`].
    pub fn read(path: &Path) -> Result<Self, BlocksError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| BlocksError::File { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads text; `file` is for errors.
    ///
    /// # Errors
    /// [`BlocksError::Form`].
    pub fn parse(file: &str, text: &str) -> Result<Self, BlocksError> {
        let wrong = |problem: String| BlocksError::Form { file: file.to_owned(), problem };
        let content: Content = serde_yaml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        let (min, max) = content.sizes;
        if min == 0 || min > max || max > LARGEST_SIDE {
            return Err(wrong(format!("sizes: [{min}, {max}]: accepted are 1 to {LARGEST_SIDE}, the smaller first")));
        }
        let mut bare: serde_yaml::Mapping = serde_yaml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        bare.remove("about");
        for value in bare.values_mut() {
            without_search_marks(value);
        }
        let canonical = serde_yaml::to_string(&bare).map_err(|e| wrong(e.to_string()))?;
        Ok(Self { file: file.to_owned(), text: text.to_owned(), canonical, content })
    }

    /// What it was read from, for a person.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What decides the network, without notes and layout: equal when the networks are, for digests.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// One line for a person.
    pub fn about(&self) -> &str {
        &self.content.about
    }

    /// Smallest and largest side of its images, pixels.
    pub fn sizes_px(&self) -> (u32, u32) {
        self.content.sizes
    }

    /// How colours are normalised.
    pub fn input(&self) -> Input {
        self.content.input
    }
}

impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Number::deserialize(deserializer)? {
            Number::Name(word) if word == "required" => Self::Required,
            number => Self::Usually(number),
        })
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// One number, or one a channel.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Figures {
            One(f32),
            Three([f32; 3]),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Own {
            mean: Figures,
            deviation: Figures,
        }
        let three = |figures| match figures {
            Figures::One(one) => [one; 3],
            Figures::Three(three) => three,
        };
        let value = serde_yaml::Value::deserialize(deserializer)?;
        if value.as_str() == Some("imagenet") {
            return Ok(Self::default());
        }
        let accepted = "input: accepted are `imagenet` and {mean: 127, deviation: 128}, each one number or three, of \
                        0 to 255, and no deviation of 0";
        let own: Own = serde_yaml::from_value(value).map_err(|e| D::Error::custom(format!("{accepted}: {e}")))?;
        let input = Self { mean: three(own.mean), deviation: three(own.deviation) };
        let good = input.mean.iter().all(|m| (0.0..=255.0).contains(m))
            && input.deviation.iter().all(|d| (1e-3..=255.0).contains(d));
        if good { Ok(input) } else { Err(D::Error::custom(accepted)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_and_layout_do_not_make_another_network() {
        let a = Description::parse("a", "about: one\nblocks: [relu, {affine: classes, name: fc}]").unwrap();
        let b = Description::parse("b", "# two\nblocks:\n  - relu\n  - affine: classes\n    name: fc\n").unwrap();
        let c = Description::parse("b", "blocks: [tanh, {affine: classes, name: fc}]").unwrap();
        assert_eq!(a, b);
        assert_ne!(a, c);
        let marked = "blocks: [{relu, search: false}, {affine: classes, name: fc, search: true}]";
        assert_eq!(Description::parse("b", marked).unwrap().graph(32, 2).unwrap(), a.graph(32, 2).unwrap());
        assert!(a.text().contains("one") && !a.canonical().contains("one"));
    }

    #[test]
    fn the_input_is_normalised_as_said() {
        let input = |line: &str| Description::parse("a", &format!("{line}\nblocks: [relu]")).map(|d| d.input());
        assert_eq!(input("input: imagenet").unwrap(), input("").unwrap());
        assert!((input("").unwrap().mean[0] - 123.675).abs() < 1e-4);
        let own = input("input: {mean: 127, deviation: [1, 2, 3]}").unwrap();
        assert_eq!((own.mean, own.deviation), ([127.0; 3], [1.0, 2.0, 3.0]));
        for line in ["input: cifar", "input: {mean: 1, deviation: 0}", "input: {mean: 300, deviation: 1}"] {
            let error = input(line).unwrap_err().to_string();
            assert!(error.starts_with("a: ") && error.contains("imagenet"), "{error}");
        }
    }

    #[test]
    fn what_is_no_description_is_refused_with_the_files_name() {
        for (text, part) in [
            ("blokcs: [relu]", "blokcs"),
            ("blocks: [relu]\nsizes: [64, 32]", "[64, 32]"),
            ("blocks: [relu]\nsizes: [64, 5000]", "4096"),
            ("blocks: relu", "blocks"),
            ("", "missing field"),
        ] {
            let error = Description::parse("net.yml", text).unwrap_err().to_string();
            assert!(error.starts_with("net.yml: ") && error.contains(part), "{error}");
        }
        let error = Description::read(Path::new("nowhere.yml")).unwrap_err().to_string();
        assert!(error.contains("nowhere.yml"), "{error}");
    }
}
