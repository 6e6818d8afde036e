//! YAML, and so JSON, as a tree with places: strict, bounded, and without all that makes one text mean two things.
//!
//! Anchors, aliases and tags are refused, so that no text is larger than it looks; so are keys that are said twice and
//! values that other readers take for something else.

use std::collections::BTreeSet;
use std::fmt;

use mycopod_core::reading::Span;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

/// How deep an intent nests at most: guests, a guest, its firewall, a set, its addresses.
const MAX_DEPTH: usize = 8;
/// The words that some version of YAML takes for something else than a text, besides `true`, `false` and `null`.
const AMBIGUOUS: [&str; 9] = ["~", "True", "TRUE", "False", "FALSE", "Null", "NULL", ".nan", ".inf"];

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line, from 1.
    pub line: usize,
    /// The way to it, such as `guests[0].memory`; empty at the root.
    pub path: String,
    /// What is wrong.
    pub why: String,
}

/// As in `line 7, guests[0].memory: it is 8, and should be a size`.
impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.path.is_empty() {
            write!(f, ", {}", self.path)?;
        }
        write!(f, ": {}", self.why)
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub span: Span,
    pub line: usize,
    pub path: String,
    pub what: What,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum What {
    /// A scalar.
    One(serde_json::Value),
    List(Vec<Node>),
    /// Keys in the order of the text, each once.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// What is wrong here.
    pub fn wrong(&self, why: impl Into<String>) -> Wrong {
        Wrong { line: self.line, path: self.path.clone(), why: why.into() }
    }

    /// The value without its places.
    pub fn plain(&self) -> serde_json::Value {
        match &self.what {
            What::One(value) => value.clone(),
            What::List(items) => items.iter().map(Self::plain).collect(),
            What::Map(entries) => entries.iter().map(|(key, node)| (key.clone(), node.plain())).collect(),
        }
    }
}

/// The documents of a text, in order.
pub fn documents(text: &str) -> Result<Vec<Node>, Wrong> {
    let mut reader = Reader { parser: Parser::new_from_str(text) };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, ..) => return Ok(documents),
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, ..) => {}
            (event, span, line) => documents.push(reader.node(event, span, line, String::new(), 0)?),
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
}

type Seen<'t> = (Event<'t>, Span, usize);

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Seen<'t>, Wrong> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                Ok((event, Span { start: span.start.index(), end: span.end.index() }, span.start.line()))
            }
            Some(Err(error)) => Err(malformed(&error)),
            None => Ok((Event::StreamEnd, Span { start: 0, end: 0 }, 1)),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, line: usize, path: String, depth: usize) -> Result<Node, Wrong> {
        let wrong = |why: &str| Err(Wrong { line, path: path.clone(), why: why.to_owned() });
        if depth > MAX_DEPTH {
            return wrong("it nests too deep");
        }
        let what = match event {
            Event::Alias(_) => return wrong("aliases are not taken; write the value out"),
            Event::Scalar(_, _, 1.., _) | Event::SequenceStart(1.., _) | Event::MappingStart(1.., _) => {
                return wrong("anchors are not taken; write the value out where it is needed");
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return wrong("tags are not taken");
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) => {
                What::One(plain(&text).map_err(|why| Wrong { line, path: path.clone(), why })?)
            }
            Event::Scalar(text, ..) => What::One(text.into_owned().into()),
            Event::SequenceStart(..) => self.list(&path, depth)?,
            Event::MappingStart(..) => self.map(&path, depth)?,
            _ => return wrong("it ends too early"),
        };
        Ok(Node { span, line, path, what })
    }

    fn list(&mut self, path: &str, depth: usize) -> Result<What, Wrong> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, ..) => return Ok(What::List(items)),
                (event, span, line) => {
                    let path = format!("{path}[{}]", items.len());
                    items.push(self.node(event, span, line, path, depth + 1)?);
                }
            }
        }
    }

    fn map(&mut self, path: &str, depth: usize) -> Result<What, Wrong> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut known = BTreeSet::new();
        loop {
            let (event, span, line) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(What::Map(entries));
            }
            let wrong = |why: String| Err(Wrong { line, path: path.to_owned(), why });
            let Event::Scalar(key, _, 0, None) = event else {
                return wrong("a key is one word".to_owned());
            };
            let key = key.into_owned();
            if !known.insert(key.clone()) {
                return wrong(format!("“{key}” is said twice"));
            }
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let (event, value_span, line) = self.next()?;
            let mut value = self.node(event, value_span, line, path, depth + 1)?;
            // A list has its items as its words; what has none, and a mapping, has its key.
            value.span = match &value.what {
                What::One(_) => value.span,
                What::List(items) => match (items.first(), items.last()) {
                    (Some(first), Some(last)) => Span { start: first.span.start, end: last.span.end },
                    _ => span,
                },
                What::Map(_) => span,
            };
            entries.push((key, value));
        }
    }
}

fn malformed(error: &ScanError) -> Wrong {
    Wrong {
        line: error.marker().line(),
        path: String::new(),
        why: format!("this is no YAML and no JSON: {}", error.info()),
    }
}

/// A scalar without quotes, as JSON knows it; what only other readers take for a number or nothing is refused.
fn plain(text: &str) -> Result<serde_json::Value, String> {
    match text {
        "" | "null" => return Ok(serde_json::Value::Null),
        "true" => return Ok(true.into()),
        "false" => return Ok(false.into()),
        _ => {}
    }
    if let Ok(number) = text.parse::<serde_json::Number>() {
        return Ok(serde_json::Value::Number(number));
    }
    let like_number = text.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_hexdigit() || b"+-._xo".contains(&b))
        && !text.contains(".0.")
        && text.matches('.').count() < 2;
    if AMBIGUOUS.contains(&text) || like_number {
        return Err(format!("“{text}” is a number or nothing to some readers; write it plainly, or put it in quotes"));
    }
    Ok(text.into())
}
