//! A server's answer, whole or piece by piece.

use mycopod_core::ports::Usage;
use serde::Deserialize;

/// An answer repeats the declaration's words a few times over; a larger one is none.
pub const MAX_ANSWER: usize = 256 * 1024;

/// One piece of a stream, or a whole answer.
#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "delta")]
    message: Option<Said>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
struct Call {
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    arguments: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
struct Counted {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Why bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// There are too many of them.
    TooLong,
    /// No OpenAI-compatible server says that.
    Strange,
}

/// An answer that is still coming in.
#[derive(Default)]
pub struct Growing {
    /// Bytes that make no whole line yet, or the whole answer where it is no stream.
    rest: Vec<u8>,
    all: usize,
    streams: bool,
    content: String,
    arguments: String,
    usage: Option<Counted>,
    /// Whether anything was understood.
    any: bool,
}

impl Growing {
    /// Takes bytes as they come; they may be a stream of events or one JSON text, whatever was asked for.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.all += bytes.len();
        // Events wrap every few letters of an answer into some hundred bytes of their own.
        let most = if self.streams { 64 * MAX_ANSWER } else { MAX_ANSWER };
        if self.all > most || self.content.len() + self.arguments.len() > MAX_ANSWER {
            return Err(Broken::TooLong);
        }
        self.rest.extend_from_slice(bytes);
        let begin = self.rest.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or_default();
        self.streams |= !self.any && is_event(&self.rest[begin..]);
        if self.streams {
            self.lines()?;
            if self.rest.len() > MAX_ANSWER {
                return Err(Broken::TooLong);
            }
        }
        Ok(())
    }

    fn lines(&mut self) -> Result<(), Broken> {
        let mut done = 0;
        while let Some(end) = self.rest[done..].iter().position(|b| *b == b'\n') {
            let line = self.rest[done..done + end].to_vec();
            done += end + 1;
            self.line(&line)?;
        }
        self.rest.drain(..done);
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Broken> {
        let Some(data) = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) else { return Ok(()) };
        if data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        self.piece(data)
    }

    fn piece(&mut self, json: &[u8]) -> Result<(), Broken> {
        let piece: Completion = serde_json::from_slice(json).map_err(|_| Broken::Strange)?;
        if piece.choices.is_empty() && piece.usage.is_none() {
            return Err(Broken::Strange);
        }
        self.any = true;
        self.usage = piece.usage.or(self.usage);
        let Some(said) = piece.choices.into_iter().next().and_then(|choice| choice.message) else { return Ok(()) };
        self.content.push_str(said.content.as_deref().unwrap_or_default());
        for function in said.tool_calls.into_iter().flatten().filter_map(|call| call.function) {
            self.arguments.push_str(function.arguments.as_deref().unwrap_or_default());
        }
        Ok(())
    }

    /// How many characters of the answer there are.
    pub fn characters(&self) -> usize {
        self.content.len() + self.arguments.len()
    }

    /// The answer, and what it cost where the server says so. A tool's arguments go before words beside them.
    pub fn finish(mut self) -> Result<(String, Option<Usage>), Broken> {
        let rest = std::mem::take(&mut self.rest);
        if self.streams {
            self.line(&rest)?;
        } else {
            self.piece(&rest)?;
        }
        if !self.any {
            return Err(Broken::Strange);
        }
        if self.characters() > MAX_ANSWER {
            return Err(Broken::TooLong);
        }
        let usage = self.usage.map(|used| Usage { input: used.prompt_tokens, output: used.completion_tokens });
        Ok((if self.arguments.trim().is_empty() { self.content } else { self.arguments }, usage))
    }
}

/// Whether these bytes begin an event stream.
fn is_event(bytes: &[u8]) -> bool {
    [b"data:".as_slice(), b"event:", b"id:", b"retry:", b":"].iter().any(|field| bytes.starts_with(field))
}

#[cfg(test)]
mod tests {
    use super::{Broken, Growing, MAX_ANSWER};

    fn read(bytes: &[u8], at_once: usize) -> Result<String, Broken> {
        let mut growing = Growing::default();
        for piece in bytes.chunks(at_once) {
            growing.take(piece)?;
        }
        growing.finish().map(|(answer, _)| answer)
    }

    const STREAM: &str = "\
        : ping\n\n\
        data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"{\\\"ä\"}}]}\r\n\r\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"\\\":1}\"}}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n\
        data: [DONE]\n\n";

    #[test]
    fn a_stream_is_read_however_it_is_cut() {
        for at_once in [1, 2, 7, 64, 4096] {
            assert_eq!(read(STREAM.as_bytes(), at_once).unwrap(), "{\"ä\":1}", "{at_once}");
        }
        let mut growing = Growing::default();
        growing.take(STREAM.as_bytes()).unwrap();
        assert_eq!(growing.finish().unwrap().1.unwrap().input, 9);
    }

    #[test]
    fn a_server_that_does_not_stream_is_read_all_the_same() {
        let whole = br#" {"choices":[{"message":{"content":"yes"}}],"usage":{}}"#;
        assert_eq!(read(whole, 3).unwrap(), "yes");
        let tool = br#"{"choices":[{"message":{"content":"Sure:","tool_calls":[{"function":{"name":"reading","arguments":"{}"}}]}}]}"#;
        assert_eq!(read(tool, 1000).unwrap(), "{}");
    }

    #[test]
    fn what_is_no_answer_or_too_long_is_said_to_be() {
        assert_eq!(read(b"<html>", 99), Err(Broken::Strange));
        assert_eq!(read(b"data: nonsense\n\n", 99), Err(Broken::Strange));
        assert_eq!(read(b": ping\n\n", 99), Err(Broken::Strange));
        assert_eq!(read(&vec![b'x'; MAX_ANSWER + 1], 9_999), Err(Broken::TooLong));
        let mut endless = b"data: ".to_vec();
        endless.resize(2 * MAX_ANSWER, b' ');
        assert_eq!(read(&endless, 9_999), Err(Broken::TooLong));
        let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n", "y".repeat(50_000));
        assert_eq!(read(event.repeat(6).as_bytes(), 9_999), Err(Broken::TooLong));
    }
}
