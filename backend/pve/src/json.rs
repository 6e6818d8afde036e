//! Lenient access to what Proxmox answers: it writes numbers as strings, flags as 0 and 1,
//! and leaves out what is unset.

use mycopod_core::ports::CallError;
use serde_json::{Map, Value};

/// An object of which any part may be missing or of an unexpected type.
#[derive(Debug, Default)]
pub struct Row(Map<String, Value>);

impl Row {
    /// The object in `data`; whatever is no object has no parts.
    pub fn of(data: Value) -> Self {
        match data {
            Value::Object(parts) => Self(parts),
            _ => Self::default(),
        }
    }

    /// The object that `data` is; whatever is none is an error.
    pub fn object(data: Value) -> Result<Self, CallError> {
        match data {
            Value::Object(parts) => Ok(Self(parts)),
            other => Err(CallError::Malformed(format!("an object was expected, not {}", excerpt(&other.to_string())))),
        }
    }

    /// The objects in the list `data`. What is no list, or a list of something else, is an error: an unreadable
    /// list is not an empty one.
    pub fn list(data: Value) -> Result<Vec<Self>, CallError> {
        match data {
            Value::Array(rows) => rows.into_iter().map(Self::object).collect(),
            other => Err(CallError::Malformed(format!("a list was expected, not {}", excerpt(&other.to_string())))),
        }
    }

    /// A part as text; numbers and flags as Proxmox writes them in its files.
    pub fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(scalar)
    }

    /// A part as a whole number; fractions are cut off.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.text(key)?.split('.').next()?.parse().ok()
    }

    /// A part as a flag; what is missing is unset.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.text(key).as_deref(), Some("1"))
    }

    /// An object within.
    pub fn inner(&self, key: &str) -> Self {
        self.0.get(key).cloned().map(Self::of).unwrap_or_default()
    }

    /// All parts.
    pub fn parts(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }
}

/// A simple value as Proxmox writes it in its configuration files.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The most of a foreign text that an error repeats, in characters.
const EXCERPT: usize = 2000;

/// A foreign text on one line, cut to what an error may repeat.
pub fn excerpt(text: &str) -> String {
    let line = text.split(char::is_control).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>();
    line.join("; ").chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Row, excerpt};

    #[test]
    fn numbers_and_flags_are_read_in_all_of_proxmoxs_spellings() {
        let row = Row::of(json!({"a": "512", "b": 512, "c": "0.5", "d": true, "e": "1", "f": null, "g": [1]}));
        assert_eq!((row.number("a"), row.number("b"), row.number("c")), (Some(512), Some(512), Some(0)));
        assert!(row.flag("d") && row.flag("e") && !row.flag("f") && !row.flag("missing"));
        assert_eq!(row.text("g"), None);
    }

    #[test]
    fn what_is_no_list_is_not_an_empty_list() {
        assert!(Row::list(json!(null)).is_err());
        assert!(Row::list(json!({})).is_err());
        assert!(Row::list(json!([{}, 7])).is_err());
        assert!(Row::object(json!([])).is_err());
        assert!(Row::list(json!([])).unwrap().is_empty());
    }

    #[test]
    fn an_excerpt_has_one_line_and_an_end() {
        assert_eq!(excerpt("invalid format\r\n  file: bad\n\n"), "invalid format; file: bad");
        assert_eq!(excerpt(&"ä".repeat(9999)).chars().count(), 2000);
    }
}
