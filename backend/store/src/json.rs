//! JSON that PostgreSQL can hold: its `jsonb` takes everything but NUL, which a hostile
//! text may contain and which must not fail the transaction that records it.

use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

use crate::StoreError;

/// A value for a `jsonb` column, with U+FFFD in place of every NUL.
pub(crate) fn clean(value: &impl Serialize) -> Result<Json<Value>, StoreError> {
    serde_json::to_value(value)
        .map(|value| Json(without_nul(value)))
        .map_err(|error| StoreError::Corrupt(format!("a value that cannot be written as JSON: {error}")))
}

pub(crate) fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text_without_nul(text)),
        Value::Array(items) => items.into_iter().map(without_nul).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (text_without_nul(name), without_nul(value))).collect()
        }
        other => other,
    }
}

pub(crate) fn text_without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_replaced_wherever_it_stands() {
        let value = serde_json::json!({"a\0": ["x\0", {"b": "\0"}], "n": 1, "s": "\\u0000"});
        let clean = serde_json::json!({"a\u{fffd}": ["x\u{fffd}", {"b": "\u{fffd}"}], "n": 1, "s": "\\u0000"});
        assert_eq!(without_nul(value), clean);
    }
}
