//! A browser to test the page with: Debian's chromium and its driver, which belong to the system and not to the checkout.

use crate::{process, say};
use std::process::Command;

/// What apt installs; the fonts are for Japanese.
const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-noto-cjk"];

/// Whether there is a browser, after installing one where apt is there and we may. Without one, its test says that it was left
/// out, so nothing here is an error.
pub fn ready() -> bool {
    let there = || ["chromium", "chromedriver"].iter().all(|one| process::succeeds(Command::new(one).arg("--version")));
    if there() {
        return true;
    }
    let may = process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if may && process::succeeds(Command::new("apt-get").arg("--version")) {
        say::problem("installing chromium and chromium-driver with apt: 0.4 GB; this is done once");
        let apt = |args: &[&str]| {
            let mut apt = Command::new("apt-get");
            process::capture(apt.args(["-qq", "-y"]).args(args).env("DEBIAN_FRONTEND", "noninteractive"))
        };
        let installed =
            apt(&["update"]).and_then(|_| apt(&[&["install", "--no-install-recommends"], &PACKAGES[..]].concat()));
        if let Err(error) = installed {
            say::problem(&error.to_string());
        }
    }
    there()
}
