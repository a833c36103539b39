//! Lines that change: rewritten in place on a terminal, now and then a plain line elsewhere.

use crate::say;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a log gets a line.
const PAUSE: Duration = Duration::from_secs(10);

/// A block of lines at the end of the output.
#[derive(Debug)]
pub struct Screen {
    terminal: bool,
    pause: Duration,
    drawn: usize,
    last: Option<(Instant, String)>,
}

impl Default for Screen {
    fn default() -> Self {
        Self::every(PAUSE)
    }
}

impl Screen {
    /// With a plain line so often.
    pub fn every(pause: Duration) -> Self {
        Self { terminal: std::io::stdout().is_terminal() && !say::is_json(), pause, drawn: 0, last: None }
    }

    /// Shows `lines` on a terminal; elsewhere `summary`, when it has changed and the last one is a while ago.
    pub fn show(&mut self, lines: &[String], summary: &str) {
        if !self.terminal {
            if self.last.as_ref().is_none_or(|(at, text)| at.elapsed() >= self.pause && text != summary) {
                say::line(summary);
                self.last = Some((Instant::now(), summary.to_owned()));
            }
            return;
        }
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(frame(lines, self.drawn, width).as_bytes()).and_then(|()| out.flush());
        self.drawn = lines.len();
    }

    /// Removes the block: what follows is written in its place. Plain lines stay.
    pub fn clear(&mut self) {
        if self.terminal {
            self.show(&[], "");
        }
    }
}

/// Goes back over `drawn` lines, erases them and writes the new ones, none so long that the terminal would wrap it.
fn frame(lines: &[String], drawn: usize, width: usize) -> String {
    let mut text = if drawn > 0 { format!("\x1b[{drawn}A\r\x1b[J") } else { String::new() };
    for line in lines {
        text.extend(line.chars().take(width.saturating_sub(1)));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_replaces_the_one_before_and_never_wraps() {
        assert_eq!(frame(&["ab".into(), "cd".into()], 0, 80), "ab\ncd\n");
        assert_eq!(frame(&["12345".into()], 2, 5), "\x1b[2A\r\x1b[J1234\n");
        assert_eq!(frame(&[], 1, 80), "\x1b[1A\r\x1b[J");
    }
}
