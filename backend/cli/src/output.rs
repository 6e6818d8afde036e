//! What goes to the terminal or into a pipe.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::{Deserialize, Serialize};

/// Writes results to standard output: for people on a terminal, as JSON elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    colour: bool,
}

/// What a word is coloured for.
#[derive(Clone, Copy, Debug)]
pub enum Tone {
    /// It is as it should be, or comes into being.
    Good,
    /// It changes, or wants attention.
    Notice,
    /// It is wrong, or goes for good.
    Bad,
    /// It is of less interest.
    Faint,
    /// It leads.
    Strong,
}

impl Output {
    /// `json` and `text` are the flags; without them the terminal decides.
    #[must_use]
    pub fn new(json: bool, text: bool, no_color: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        Self { json: json || (!text && !terminal), colour: terminal && !no_color }
    }

    /// Whether results are written as JSON.
    #[must_use]
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Writes a line. A reader that went away (`| head`) is no error.
    #[expect(clippy::unused_self, reason = "what goes to standard output goes through an Output")]
    pub fn line(self, line: impl Display) {
        write(io::stdout().lock(), line);
    }

    /// Writes a value as JSON, indented.
    pub fn value(self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.line(text),
            Err(error) => note(format_args!("the answer is no JSON: {error}")),
        }
    }

    /// The text in its colour, where there are colours.
    #[must_use]
    pub fn paint(self, tone: Tone, text: impl Display) -> String {
        if !self.colour {
            return text.to_string();
        }
        let style = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Notice => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
        };
        format!("{style}{text}{style:#}")
    }

    /// A table with aligned columns; the first row is its head. Colours go over whole rows, so that they
    /// count for no width.
    pub fn table<const N: usize>(self, head: [&str; N], rows: &[(Option<Tone>, [String; N])]) {
        let mut widths = head.map(width);
        for (_, row) in rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        let joined = |cells: [&str; N]| {
            let padded =
                cells.iter().zip(widths).map(|(cell, widest)| format!("{cell}{}", " ".repeat(widest - width(cell))));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.line(self.paint(Tone::Faint, joined(head)));
        for (tone, row) in rows {
            let line = joined(row.each_ref().map(String::as_str));
            self.line(tone.map_or_else(|| line.clone(), |tone| self.paint(tone, &line)));
        }
    }
}

/// Writes a line to standard error: what a person should know beside the result.
pub fn note(line: impl Display) {
    write(io::stderr().lock(), line);
}

/// The one place where writing may fail: nobody reads any more, so nobody is to be told.
fn write(mut to: impl Write, line: impl Display) {
    let _ = writeln!(to, "{line}").and_then(|()| to.flush());
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

/// Text from the server, safe to show on a terminal: characters that would steer the
/// terminal or turn the writing direction are replaced one by one, so that offsets hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "String")]
pub struct Text(String);

impl From<String> for Text {
    fn from(text: String) -> Self {
        let steers = |c: char| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        Self(text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect())
    }
}

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn text_from_the_server_cannot_steer_the_terminal() {
        let text = Text::from("a\u{1b}[2Jb\u{9b}c\u{202e}d\r\te\nü".to_owned());
        assert_eq!(text.as_str(), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}\u{fffd}e\nü");
    }
}
