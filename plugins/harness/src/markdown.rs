//! The options of a node as Markdown: what `dataflows/README.md` holds and a test compares.

use clap::{Arg, Command};

/// A section on the node `name`: what it is for, and a table of its options. Hidden options, `--help` and `--version` are left out.
pub fn markdown(name: &str, command: &Command) -> String {
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    let is_shown = |arg: &&Arg| !arg.is_hide_set() && arg.get_long().is_some_and(|l| l != "help" && l != "version");
    let rows: String = command.get_arguments().filter(is_shown).map(|arg| row(command, arg)).collect();
    let about = sentence(&about);
    format!("### {name}\n\n{about}\n\n| flag | default | accepted | what |\n|---|---|---|---|\n{rows}")
}

fn row(command: &Command, arg: &Arg) -> String {
    let long = arg.get_long().unwrap_or_default();
    let takes_value = arg.get_action().takes_values();
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = match (takes_value, defaults.is_empty()) {
        (false, _) => "off".to_owned(),
        (true, true) => String::new(),
        (true, false) => format!("`{}`", defaults.join(",")),
    };
    let accepted = if takes_value { accepted(command, arg, long) } else { String::new() };
    format!("| `--{long}` | {default} | {accepted} | {} |\n", what(arg))
}

/// The help, what each value means, and the environment variable.
fn what(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut parts = vec![sentence(&help)];
    for value in arg.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
        parts.extend(value.get_help().map(|help| format!("`{}`: {}", value.get_name(), sentence(&help.to_string()))));
    }
    parts.extend(arg.get_env().map(|name| format!("Environment: `{}`.", name.to_string_lossy())));
    parts.join(" ")
}

/// The values, or the range, or else what the help calls the value.
fn accepted(command: &Command, arg: &Arg, long: &str) -> String {
    let values: Vec<_> = arg.get_possible_values();
    let values: Vec<_> = values.iter().filter(|v| !v.is_hide_set()).map(|v| format!("`{}`", v.get_name())).collect();
    if !values.is_empty() {
        return values.join(", ");
    }
    range(command, long).unwrap_or_else(|| {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().map(|name| format!("`{}`", name.replace('|', "\\|"))).collect::<Vec<_>>().join(" ")
    })
}

/// The range of an integer. Clap tells it only in the message that refuses a value outside of it.
fn range(command: &Command, long: &str) -> Option<String> {
    let refused = |value: &str| {
        let args = [command.get_name().to_owned(), format!("--{long}={value}")];
        let error = command.clone().try_get_matches_from(args).err()?.to_string();
        let (_, range) = error.lines().next()?.split_once(" is not in ")?;
        Some(range.to_owned())
    };
    let range = refused(&i64::MAX.to_string()).or_else(|| refused("0"))?;
    let (low, high) = range.split_once("..")?;
    let high = high.trim_start_matches('=');
    let is_type_limit = [u64::from(u32::MAX), u64::MAX, i64::MAX as u64].iter().any(|limit| high == limit.to_string());
    match (low, is_type_limit) {
        ("0", true) => None,
        (_, true) => Some(format!("{low} or more")),
        (_, false) => Some(format!("{low} to {high}")),
    }
}

/// Text for a cell, with a full stop: no line breaks, no bars, and no angle brackets outside of code.
fn sentence(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let parts = words.split('`').enumerate();
    let parts = parts.map(|(i, part)| if i % 2 == 0 { part.replace('<', "&lt;") } else { part.to_owned() });
    let text = parts.collect::<Vec<_>>().join("`");
    if text.is_empty() || text.ends_with('.') { text } else { text + "." }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    /// A node of a test.
    ///
    /// With photos/<class>/ in it.
    #[derive(Debug, Parser)]
    struct Config {
        /// Side of the images, `<side>` or a|b.
        #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=512))]
        size: u32,
        /// Least images.
        #[arg(long, value_parser = clap::value_parser!(u64).range(2..))]
        least: Option<u64>,
        /// Any number.
        #[arg(long, default_value_t = 1, value_name = "NUMBER")]
        seed: u32,
        /// How it resizes.
        #[arg(long, value_enum, default_value_t = Mode::Crop)]
        mode: Mode,
        /// Both.
        #[arg(long)]
        both: bool,
        /// Retired.
        #[arg(long, hide = true)]
        old: Option<u32>,
    }

    #[derive(Clone, Copy, Debug, clap::ValueEnum)]
    enum Mode {
        /// Cuts the borders off.
        Crop,
        /// Adds borders.
        Pad,
    }

    #[test]
    fn options_become_a_table() {
        let expected = "### node\n\nA node of a test. With photos/&lt;class>/ in it.\n\n\
            | flag | default | accepted | what |\n|---|---|---|---|\n\
            | `--size` | `64` | 16 to 512 | Side of the images, `<side>` or a\\|b. |\n\
            | `--least` |  | 2 or more | Least images. |\n\
            | `--seed` | `1` | `NUMBER` | Any number. |\n\
            | `--mode` | `crop` | `crop`, `pad` | How it resizes. `crop`: Cuts the borders off. `pad`: Adds borders. |\n\
            | `--both` | off |  | Both. |\n";
        assert_eq!(markdown("node", &Config::command()), expected);
    }
}
