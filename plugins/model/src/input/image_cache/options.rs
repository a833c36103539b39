//! `--augment-on`: where training images are augmented.

use super::ImageCache;
use crate::device::Opened;
use std::fmt;

/// Where training images are augmented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum AugmentOn {
    /// `device` on a GPU, `node` elsewhere.
    #[default]
    Auto,
    /// On the device that trains: images lie there, and the node `augment` says what is to be done to each.
    Device,
    /// By the node `augment`, on the CPU.
    Node,
}

impl fmt::Display for AugmentOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Device => "device",
            Self::Node => "node",
        })
    }
}

/// Augmentation on the device, as command line options.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct DeviceAugmentOptions {
    /// Where training images are augmented. auto: device on a GPU, node elsewhere. Images are the same but for rounding.
    #[arg(long, value_enum, default_value_t, value_name = "WHERE")]
    pub augment_on: AugmentOn,
    /// Memory of the device for images, MiB, where they are augmented there. Images that find no room (size × size × 3 bytes each) are
    /// sent again in each epoch.
    #[arg(long, default_value_t = 2048, value_name = "MIB", value_parser = clap::value_parser!(u32).range(0..=1 << 20))]
    pub device_images_mib: u32,
}

impl DeviceAugmentOptions {
    /// A cache with room for `images` of `size_px`, within the limit; none where the node augments.
    pub fn cache(&self, size_px: u32, images: usize, device: &Opened) -> Option<ImageCache> {
        let is_here = match self.augment_on {
            AugmentOn::Auto => device.is_gpu(),
            AugmentOn::Device => true,
            AugmentOn::Node => false,
        };
        is_here.then(|| ImageCache::new(size_px, images, u64::from(self.device_images_mib) << 20, device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: DeviceAugmentOptions,
    }

    #[test]
    fn a_cpu_augments_when_asked_to_and_within_the_limit() {
        let flex = DeviceChoice::Flex.open().unwrap();
        let of = |line: &str| {
            let line = Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap();
            line.options.cache(128, 1_000, &flex).map(|cache| cache.bytes())
        };
        assert_eq!((of(""), of("--augment-on node")), (None, None));
        assert_eq!(of("--augment-on device"), Some(1_000 * 128 * 128 * 3));
        assert_eq!(of("--augment-on device --device-images-mib 1"), Some(21 * 128 * 128 * 3));
        assert_eq!(of("--augment-on device --device-images-mib 0"), Some(0));
        let error = Line::try_parse_from(["x", "--augment-on", "gpu"]).unwrap_err().to_string();
        assert!(error.contains("--augment-on") && error.contains("auto, device, node"), "{error}");
    }
}
