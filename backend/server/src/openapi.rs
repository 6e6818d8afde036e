//! The OpenAPI document, made from the handlers themselves, and its pages.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::api::{
    about, archive, audit, clusters, declarations, drift, events, freezes, health, intents, inventory, plans, readings,
    secrets, session, uploads, users,
};
use crate::app::App;
use crate::problem::{PROBLEM_JSON, ProblemDetails};

/// Schemas of answers whose fields are not always there.
const PARTIAL: [&str; 2] = ["Problem", "About"];
const DOCUMENT_PATH: &str = "/api/v1/openapi.json";

/// The document without the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "MycoPod",
        description = "Declare the guests of a Proxmox VE cluster in your own words. Every error is a problem document (RFC 9457); \
            its `code` tells problems apart. Fields may be added to answers; unknown fields in requests are refused.",
        license(name = "AGPL-3.0-or-later", identifier = "AGPL-3.0-or-later")
    ),
    tags(
        (name = "session", description = "Logging in and out"),
        (name = "declarations", description = "From a sentence to a running guest"),
        (name = "cluster", description = "The clusters, and what is on them"),
        (name = "drift", description = "What is decided about what is no longer as declared"),
        (name = "freezes", description = "While one stands nothing is applied"),
        (name = "audit", description = "What happened, provably"),
        (name = "users", description = "Accounts"),
        (name = "secrets", description = "Values that declarations name and never contain"),
        (name = "health", description = "Whether it works")
    ),
    components(schemas(ProblemDetails)),
    security(("bearer" = [])),
    modifiers(&Schemes)
)]
struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let cookie = ApiKey::Cookie(ApiKeyValue::new("mycopod_refresh"));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
}

/// All routes of the API with their documentation.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(session::routes())
        .merge(declarations::routes())
        .merge(readings::routes())
        .merge(plans::routes())
        .merge(intents::routes())
        .merge(inventory::routes())
        .merge(clusters::routes())
        .merge(drift::routes())
        .merge(freezes::routes())
        .merge(audit::routes())
        .merge(archive::routes())
        .merge(events::routes())
        .merge(users::routes())
        .merge(secrets::routes())
        .merge(uploads::routes())
        .merge(about::routes())
        .merge(health::routes())
}

/// The document and the pages that show it, without anything from elsewhere.
pub fn pages(document: utoipa::openapi::OpenApi) -> Router<App> {
    let json = pretty(&finished(document));
    let swagger = SwaggerUi::new("/api/v1/docs").config(utoipa_swagger_ui::Config::from(DOCUMENT_PATH));
    Router::from(swagger).route(DOCUMENT_PATH, get(async || ([(CONTENT_TYPE, "application/json")], json)))
}

/// The OpenAPI document, as it is served and committed.
#[must_use]
pub fn openapi_json() -> String {
    pretty(&value())
}

/// The OpenAPI document as JSON.
pub fn value() -> Value {
    finished(routes().into_openapi())
}

fn pretty(document: &Value) -> String {
    format!("{document:#}\n")
}

/// Adds what holds for every handler and is said at none: problem documents for errors, and that answers have all of their fields.
fn finished(document: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let mut requested = Vec::new();
    for operation in operations(&mut document) {
        let body =
            operation.get("requestBody").map_or("", |body| reference(&body["content"]["application/json"]["schema"]));
        requested.push(body.to_owned());
        operation["responses"]["default"] = json!({
            "description": "Any other error",
            "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
    }
    for (name, schema) in object(&mut document["components"]["schemas"]) {
        let is_answer = !requested.contains(name) && !PARTIAL.contains(&name.as_str());
        if is_answer && let Some(properties) = schema["properties"].as_object() {
            schema["required"] = properties.keys().cloned().collect();
        }
    }
    document
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    object(&mut document["paths"]).flat_map(|(_, path)| object(path)).map(|(_, operation)| operation)
}

fn object(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().map(Map::iter_mut).into_iter().flatten()
}

/// The name of the schema that is referred to, or nothing.
pub fn reference(schema: &Value) -> &str {
    schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{openapi_json, value};
    use crate::reference::api_markdown;

    const AGAIN: &str = "make it again: cargo run -p mycopod-server --example openapi > docs/openapi.json; \
        cargo run -p mycopod-server --example openapi -- --markdown > docs/API.md";

    #[test]
    fn the_committed_documents_are_fresh() {
        assert!(include_str!("../../../docs/openapi.json") == openapi_json(), "docs/openapi.json is stale; {AGAIN}");
        assert!(include_str!("../../../docs/API.md") == api_markdown(), "docs/API.md is stale; {AGAIN}");
    }

    #[test]
    fn every_operation_says_what_it_does_and_how_it_fails() {
        let document = value();
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() > 20, "{}", paths.len());
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}");
                assert!(operation["responses"]["default"].is_object(), "{method} {path}");
            }
        }
    }
}
