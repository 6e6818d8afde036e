//! Questions to the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;

/// A password or an answer longer than this is a mistake or an attack.
const MAX_LINE_BYTES: u64 = 8 * 1024;

/// Whether somebody is there to be asked.
#[must_use]
pub fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line; `None` where the input ended. Runs off the event loop, which a
/// blocked read would hold up.
pub async fn ask(prompt: String) -> io::Result<Option<String>> {
    tokio::task::spawn_blocking(move || {
        prompt_with(&prompt);
        line()
    })
    .await
    .map_err(io::Error::other)?
}

/// Asks for a password without showing it. An interruption gives the terminal its
/// echo back before the process ends.
pub async fn ask_secret(prompt: String) -> io::Result<Option<SecretString>> {
    if !is_attended() {
        return Ok(line()?.map(SecretString::from));
    }
    let hidden = Hidden::new()?;
    let answer = tokio::select! {
        answer = ask(prompt) => answer?,
        interrupted = tokio::signal::ctrl_c() => { interrupted?; None }
    };
    drop(hidden);
    prompt_with("\n");
    Ok(answer.map(SecretString::from))
}

/// Everything on standard input, up to `max` bytes.
pub fn all(max: u64) -> io::Result<String> {
    let mut text = String::new();
    io::stdin().lock().take(max).read_to_string(&mut text)?;
    Ok(text)
}

fn prompt_with(prompt: &str) {
    // The answer goes to standard output, so questions go beside it. A lost prompt changes nothing.
    let mut to = io::stderr().lock();
    let _ = write!(to, "{prompt}").and_then(|()| to.flush());
}

fn line() -> io::Result<Option<String>> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MAX_LINE_BYTES).read_line(&mut text)?;
    Ok((read > 0).then(|| text.trim_end_matches(['\n', '\r']).to_owned()))
}

/// The terminal shows nothing of what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        let shown = tcgetattr(io::stdin())?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(shown))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to give back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
