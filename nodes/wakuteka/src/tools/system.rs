//! What tests want of the system and not of the checkout, from Debian's packages: a browser for the page, and a library that
//! makes the clock jump.

use crate::{process, say};
use std::process::Command;

/// Something that some tests cannot do without.
#[derive(Debug)]
pub struct Wanted {
    /// What it is, for a person.
    pub what: &'static str,
    /// What is not tested without it.
    pub without: &'static str,
    /// Programs that are there when it is.
    programs: &'static [&'static str],
    /// What apt installs.
    packages: &'static [&'static str],
    /// How much that is, for a person.
    size: &'static str,
}

/// All of it.
pub const WANTED: [Wanted; 2] = [
    Wanted {
        what: "a browser",
        without: "the page is not tested in one",
        programs: &["chromium", "chromedriver"],
        // The fonts are for Japanese.
        packages: &["chromium", "chromium-driver", "fonts-noto-cjk"],
        size: "0.4 GB",
    },
    Wanted {
        what: "a clock that jumps",
        without: "that is not tested",
        programs: &["faketime"],
        packages: &["faketime"],
        size: "0.1 MB",
    },
];

impl Wanted {
    fn is_there(&self) -> bool {
        self.programs.iter().all(|one| process::succeeds(Command::new(one).arg("--version")))
    }

    /// Whether it is there, after installing it where apt is there and we may. Without it, its tests say that they were left
    /// out, so nothing here is an error.
    pub fn ready(&self) -> bool {
        if self.is_there() {
            return true;
        }
        let may = process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
        if may && process::succeeds(Command::new("apt-get").arg("--version")) {
            let Self { packages, size, .. } = self;
            say::problem(&format!("installing {} with apt: {size}; this is done once", packages.join(", ")));
            let apt = |args: &[&str]| {
                let mut apt = Command::new("apt-get");
                process::capture(apt.args(["-qq", "-y"]).args(args).env("DEBIAN_FRONTEND", "noninteractive"))
            };
            let installed =
                apt(&["update"]).and_then(|_| apt(&[&["install", "--no-install-recommends"], *packages].concat()));
            if let Err(error) = installed {
                say::problem(&error.to_string());
            }
        }
        self.is_there()
    }
}
