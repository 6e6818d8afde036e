//! Typed intents: their schema, those of the guests there are, and how one is taken in a body.

use std::collections::BTreeSet;
use std::fmt;

use axum::Json;
use axum::extract::State;
use mycopod_core::typed::schema::schema;
use mycopod_engine::Format;
use mycopod_engine::view::Exported;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::extract::QueryParams;
use crate::problem::Problem;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(published)).routes(routes!(export))
}

/// The JSON Schema of typed intents.
#[utoipa::path(get, path = "/api/v1/intent.schema.json", tag = "declarations", security(()),
    responses((status = OK, body = serde_json::Value)))]
async fn published() -> Json<Value> {
    Json(schema())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// The names of the guests, separated by commas; without any all that are ours.
    guests: Option<String>,
    /// `intent` (YAML) or `terraform` (for the provider bpg/proxmox).
    format: Option<String>,
}

/// The intents of guests, a file for each: of ours what is declared of them, of others what was seen.
#[utoipa::path(get, path = "/api/v1/intents", tag = "declarations", params(ExportQuery),
    responses((status = OK, body = Vec<Exported>)))]
async fn export(
    State(app): State<App>,
    _: Caller,
    QueryParams(query): QueryParams<ExportQuery>,
) -> Result<Json<Vec<Exported>>, Problem> {
    let format = match query.format.as_deref() {
        None | Some("intent") => Format::Intent,
        Some("terraform") => Format::Terraform,
        Some(_) => {
            let message = "It is intent or terraform.";
            return Err(Problem::bad_request("invalid_query", message).with_field("format", message));
        }
    };
    let guests = query.guests.map(|names| names.split(',').map(str::to_owned).collect::<BTreeSet<_>>());
    Ok(Json(app.engine.export(guests.as_ref(), format).await?))
}

/// An intent as a text: the one that was given, or an object's.
pub struct Intent(pub String);

impl<'de> Deserialize<'de> for Intent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Strict::deserialize(deserializer)?.0 {
            Value::String(text) => Self(text),
            object @ Value::Object(_) => Self(serde_json::to_string_pretty(&object).map_err(D::Error::custom)?),
            _ => return Err(D::Error::custom("an intent is an object, or a text")),
        })
    }
}

/// JSON of which every key is said once: where one is said twice, readers differ about what holds.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("no number"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("“{key}” is said twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::Intent;

    #[test]
    fn an_object_becomes_a_text_and_a_key_is_said_once() {
        let text = |json: &str| serde_json::from_str::<Intent>(json).map(|Intent(text)| text);
        assert_eq!(text(r#""mycopod: v1""#).unwrap(), "mycopod: v1");
        let object =
            text(r#"{"mycopod": "v1", "guests": [{"cores": 4, "cpulimit": 1.5, "onboot": true, "pool": null}]}"#)
                .unwrap();
        assert!(object.contains("\"cpulimit\": 1.5") && object.starts_with('{'), "{object}");
        for bad in ["1", "[]", "null", r#"{"a": 1, "a": 2}"#, r#"{"a": [{"b": 1, "b": 1}]}"#] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }
}
