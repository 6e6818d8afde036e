//! The API reference in Markdown, made from the OpenAPI document.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::openapi::{reference, value};

/// The API reference, as it is committed.
#[must_use]
pub fn api_markdown() -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_document(&mut text, &value());
    text
}

fn write_document(out: &mut String, document: &Value) -> std::fmt::Result {
    writeln!(out, "# HTTP API\n")?;
    writeln!(out, "<!-- Made from the handlers: cargo run -p mycopod-server --example openapi -- --markdown -->\n")?;
    writeln!(out, "{}\n", text(&document["info"]["description"]))?;
    writeln!(
        out,
        "A request needs the header `Authorization: Bearer TOKEN` with the token of [login](#post-apiv1login), \
         unless it says otherwise. `GET /api/v1/openapi.json` is this reference for programs, `GET /api/v1/docs/` \
         shows it in a browser.\n"
    )?;
    for tag in list(&document["tags"]) {
        writeln!(out, "## {}\n", text(&tag["description"]))?;
        for (path, operations) in fields(&document["paths"]) {
            for (method, operation) in fields(operations) {
                if operation["tags"][0] == tag["name"] {
                    write_operation(out, path, method, operation)?;
                }
            }
        }
    }
    writeln!(out, "## Types\n")?;
    for (name, schema) in fields(&document["components"]["schemas"]) {
        write_schema(out, name, schema)?;
    }
    out.truncate(out.trim_end().len());
    writeln!(out)
}

fn write_operation(out: &mut String, path: &str, method: &str, operation: &Value) -> std::fmt::Result {
    writeln!(out, "### {} {path}\n", method.to_uppercase())?;
    let said = [&operation["summary"], &operation["description"]].map(text);
    writeln!(out, "{}{}\n", said.join(" ").trim(), who(operation))?;
    for parameter in list(&operation["parameters"]) {
        let needed = if parameter["required"] == true { "" } else { ", optional" };
        let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
        let about = text(&parameter["description"]);
        let about = if about.is_empty() { String::new() } else { format!(": {about}") };
        writeln!(out, "- `{name}` ({place}{needed}) {}{about}", kind(&parameter["schema"]))?;
    }
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        writeln!(out, "- body {}", content.values().map(|body| kind(&body["schema"])).collect::<String>())?;
    }
    for (status, response) in fields(&operation["responses"]).filter(|(status, _)| *status != "default") {
        let content = response["content"].as_object().into_iter().flatten();
        let content = content.map(|(media_type, body)| format!(" {} as `{media_type}`", kind(&body["schema"])));
        let about = text(&response["description"]);
        let about = if about.is_empty() { String::new() } else { format!(": {about}") };
        writeln!(out, "- **{status}**{}{about}", content.collect::<String>())?;
    }
    writeln!(out)
}

/// How a request shows who sends it, where that is not the usual way.
fn who(operation: &Value) -> &'static str {
    match operation["security"][0].as_object().map(Map::is_empty) {
        Some(true) => " For everybody.",
        Some(false) => " With the cookie.",
        None => "",
    }
}

fn write_schema(out: &mut String, name: &str, schema: &Value) -> std::fmt::Result {
    writeln!(out, "### {name}\n")?;
    if let Some(about) = schema["description"].as_str() {
        writeln!(out, "{about}\n")?;
    }
    let variants = list(&schema["oneOf"]);
    if !variants.is_empty() {
        writeln!(out, "One of:\n")?;
        for variant in variants {
            let properties =
                fields(&variant["properties"]).map(|(field, property)| match property["enum"][0].as_str() {
                    Some(only) => format!("`{field}` = `{only}`"),
                    None => format!("`{field}` {}", kind(property)),
                });
            let properties: Vec<_> = properties.collect();
            let about = text(&variant["description"]);
            writeln!(out, "- {}: {about}", properties.join(", "))?;
        }
        return writeln!(out);
    }
    writeln!(out, "| field | type | |\n|---|---|---|")?;
    let required = list(&schema["required"]);
    for (field, property) in fields(&schema["properties"]) {
        let optional = if required.iter().any(|name| name == field) { "" } else { ", optional" };
        let about = about(property).replace('|', "\\|").replace('\n', " ");
        writeln!(out, "| `{field}` | {}{optional} | {about} |", kind(property))?;
    }
    writeln!(out)
}

fn about(property: &Value) -> &str {
    // What may be null carries its text beside the alternatives.
    property["description"].as_str().unwrap_or_else(|| text(&property["oneOf"][0]["description"]))
}

/// A schema's type in a few words, with a link where it has a name.
fn kind(schema: &Value) -> String {
    let name = reference(schema);
    if !name.is_empty() {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(alternatives) = schema["oneOf"].as_array() {
        return alternatives.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match &schema["type"] {
        Value::Array(types) => types.iter().map(|name| plain_kind(text(name), schema)).collect::<Vec<_>>().join(" or "),
        Value::String(name) => plain_kind(name, schema),
        _ => "any".to_owned(),
    }
}

fn plain_kind(name: &str, schema: &Value) -> String {
    match (name, schema["format"].as_str()) {
        ("array", _) => format!("array of {}", kind(&schema["items"])),
        ("string", Some(format @ ("uuid" | "date-time"))) => format.to_owned(),
        _ => name.to_owned(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}
