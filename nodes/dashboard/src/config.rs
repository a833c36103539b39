//! Options of the node.

use clap::Parser;
use plugin_api::WorkspaceArgs;
use plugin_decode::Limits;
use plugin_embed::EmbedOptions;
use plugin_harness::HasWorkspace;
use std::net::SocketAddr;

/// Letters of a token at least.
const TOKEN_LEAST: usize = 16;

/// Serves a page to watch, review and decide on. Nothing depends on it: it can be killed, or left out of the graph.
#[derive(Clone, Debug, Parser)]
#[command(name = "dashboard", version)]
pub struct Config {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArgs,

    /// Where the page is: address and port. Port 0 takes any that is free; status/dashboard.json says which. An address that
    /// others can reach needs --token.
    #[arg(long, env = "WAKUTEKA_LISTEN", default_value = "127.0.0.1:8420", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// What a browser must bring, once, as in http://…/?token=…; 16 letters at least. Without it, --listen must be a
    /// loopback address, and whoever works on this machine can see the page.
    #[arg(long, env = "WAKUTEKA_TOKEN", hide_env_values = true, value_parser = token, value_name = "TEXT")]
    pub token: Option<String>,

    /// A name by which browsers may call the page, besides localhost and IP addresses.
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,

    /// By which network images are held against each other, as in inspect, and where it and the champion are computed.
    #[command(flatten)]
    pub embed: EmbedOptions,

    /// What an image may cost.
    #[command(flatten)]
    pub limits: Limits,
}

fn token(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b));
    if plain && text.len() >= TOKEN_LEAST {
        Ok(text.to_owned())
    } else {
        Err(format!("{TOKEN_LEAST} or more letters, digits, - _ . ~ are accepted"))
    }
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }

    fn check(&self) -> Result<(), String> {
        if self.listen.ip().is_loopback() || self.token.is_some() {
            return Ok(());
        }
        let why = "can be reached from other machines and needs --token";
        Err(format!("--listen {} {why}; without one, 127.0.0.1:PORT and [::1]:PORT are accepted", self.listen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Config, clap::Error> {
        Config::try_parse_from([&["dashboard"], args].concat())
    }

    #[test]
    fn it_listens_to_this_machine_alone_unless_there_is_a_token() {
        assert!(parse(&["--listen", "127.0.0.1:8420"]).unwrap().check().is_ok());
        assert!(parse(&["--listen", "[::1]:0"]).unwrap().check().is_ok());
        for open in ["0.0.0.0:8420", "192.168.1.4:80", "[::]:8420"] {
            let error = parse(&["--listen", open]).unwrap().check().unwrap_err();
            assert!(error.contains("--listen") && error.contains(open) && error.contains("--token"), "{error}");
            let token = "0123456789abcdef";
            assert!(parse(&["--listen", open, "--token", token]).unwrap().check().is_ok());
        }
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        for (flag, value, accepted) in [
            ("--listen", "8420", "ADDRESS:PORT"),
            ("--token", "short", "16 or more"),
            ("--token", "spaces are not good", "letters"),
            ("--device", "gpu", "libtorch-cuda:N"),
            ("--max-bytes", "0", "1..="),
        ] {
            let error = parse(&[flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value) && error.contains(accepted), "{error}");
        }
    }
}
