//! The beginning and the end of a node's process.

use crate::error::HarnessError;
use crate::full;
use crate::markdown::markdown;
use crate::node::Node;
use crate::options::{self, HasWorkspace};
use clap::Parser;
use plugin_api::Message;
use std::ffi::OsString;
use std::io::Write;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Parses the options, connects to dora and runs a node until it ends.
///
/// Bad options end the process at once with status 2 and a message that names flag, value and what is accepted; in a dataflow
/// the message stands in the node's status until the dataflow is stopped. A workspace that another graph works on ends it with
/// status 2 too. With `--check-options` as the first argument the others are checked, and nothing is run; with `--markdown-options`
/// the options are printed as [`markdown`].
///
/// # Errors
/// Whatever ended the node early; the process then exits with status 1 and dora may start it again.
pub fn main<C, E>(name: &'static str, run: fn(C, &mut Node) -> Result<(), E>) -> eyre::Result<()>
where
    C: Parser + HasWorkspace,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|first| first == options::MARKDOWN) {
        return Ok(std::io::stdout().write_all(markdown(name, &C::command()).as_bytes())?);
    }
    let checks_only = args.get(1).is_some_and(|first| first == options::CHECK);
    if checks_only {
        args.remove(1);
    }
    let config: C = match options::read(&args) {
        Ok(_) if checks_only => return Ok(()),
        Ok(config) => config,
        Err(error) if checks_only => {
            eprintln!("{}", options::told::<C>(&error));
            std::process::exit(options::STATUS);
        }
        Err(error) => {
            log();
            options::refuse::<C>(name, &args, &error)
        }
    };
    log();
    let workspace = config.workspace().open()?;
    tracing::info!(node = name, workspace = %workspace.root().display(), "started");
    let mut node = match Node::connect(name, workspace, &config.exclusive()) {
        Ok(node) => node,
        Err(error @ HarnessError::InUse { .. }) => {
            tracing::error!(node = name, %error, "does not start");
            std::process::exit(options::STATUS);
        }
        Err(error) => return Err(error.into()),
    };
    let ended = run(config, &mut node);
    if let Err(error) = &ended {
        tracing::error!(node = name, %error, "ends with an error");
        let is_full = full::is_full(error, node.workspace().root());
        let why = error.to_string();
        node.status().state(if is_full { Message::disk_full(why) } else { Message::error(why) });
        if is_full {
            tracing::error!(node = name, "the disk is full: tries again in a while");
            node.status().write();
            full::wait(&mut node);
        }
    } else {
        node.status().state(Message::ended());
    }
    node.status().write();
    // Dropping the node closes its outputs. Its event thread ends with the process.
    drop(node);
    Ok(ended?)
}

/// Logs to standard error, which dora keeps per node. `WAKUTEKA_LOG` is `error`, `warn`, `info`, `debug` or `trace`.
fn log() {
    let level = std::env::var("WAKUTEKA_LOG").ok().and_then(|l| l.parse().ok()).unwrap_or(LevelFilter::INFO);
    // dora 1.1.0 warns of its first large messages as a diagnostic of its own (dora-rs/dora#2742); what matters to us,
    // messages lost, the inbox counts itself.
    let targets = Targets::new().with_default(level).with_target("dora_node_api", level.min(LevelFilter::ERROR));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
}
