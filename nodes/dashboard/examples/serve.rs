//! The page over a workspace without a graph, to look at or to work on:
//! `cargo run -p node-dashboard --example serve -- --home FOLDER [--listen ADDRESS:PORT]`. It runs until it is interrupted.
#![allow(clippy::print_stdout, reason = "it says where the page is")]

use clap::Parser;
use node_dashboard::Config;
use node_dashboard::web::Web;
use plugin_harness::HasWorkspace;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::parse();
    config.check()?;
    let workspace = config.workspace().open()?;
    let web = Web::start(config, workspace)?;
    let mut said = String::new();
    loop {
        let state = web.state();
        if state != said {
            println!("{state}");
            said = state;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
