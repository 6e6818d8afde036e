//! Reading a request's parts, with errors that say which field is wrong.

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use mycopod_store::MAX_PAGE;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::problem::Problem;

/// The largest body: a declaration of 4,000 characters, escaped, fits ten times over.
pub const MAX_BODY: usize = 64 * 1024;

/// A JSON body. Without a NUL anywhere, which PostgreSQL's text cannot hold.
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be JSON, with the header Content-Type: application/json.",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                format!("The body is larger than is taken here; most requests take {} KiB.", MAX_BODY / 1024),
            ),
            _ => Problem::bad_request("body_unreadable", "The body broke off before its end."),
        })?;
        parse(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refused(error.inner(), &path)
    })?;
    json.end().map_err(|error| refused(&error, "."))?;
    // Serde takes an array of a structure's fields in their order for the structure.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        let detail = "The body does not fit: it must be a JSON object.";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail));
    }
    if escapes_nul(bytes) {
        let detail = "The body holds the character NUL (\\u0000), which no text here may.";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail));
    }
    Ok(value)
}

fn refused(error: &serde_json::Error, path: &str) -> Problem {
    if error.classify() != Category::Data {
        return Problem::bad_request("malformed_json", format!("The body is no JSON: {error}."));
    }
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let at_the_root = path == ".";
    let detail = if at_the_root {
        format!("The body does not fit: {message}.")
    } else {
        format!("“{path}” does not fit: {message}.")
    };
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
    match (at_the_root, message.split('`').nth(1)) {
        (false, _) => problem.with_field(path, message),
        // “unknown field `x`”, “missing field `x`”
        (true, Some(field)) => problem.with_field(field, message),
        (true, None) => problem,
    }
}

/// Whether a JSON text holds the escape `\u0000`; a raw NUL is no JSON anyway.
fn escapes_nul(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        if rest[at + 1..].starts_with(b"u0000") {
            return true;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

/// The parameters after the `?`.
pub struct QueryParams<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(value) = Query::try_from_uri(&parts.uri).map_err(|rejection: QueryRejection| {
            let text = rejection.body_text();
            let message = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, message)| message);
            let problem = Problem::bad_request("invalid_query", format!("The query does not fit: {message}."));
            match (message.split_once(": "), message.split('`').nth(1)) {
                (Some((field, message)), _) => problem.with_field(field, message),
                (None, Some(field)) => problem.with_field(field, message),
                (None, None) => problem,
            }
        })?;
        Ok(Self(value))
    }
}

/// How many entries a page has: as many as are asked for, but no more than the store gives at once.
pub fn page_limit(asked: Option<u32>, default: u32) -> Result<u32, Problem> {
    match asked.unwrap_or(default) {
        0 => {
            let message = "It must be 1 or more, not 0.";
            let detail = format!("“limit” does not fit. {message}");
            Err(Problem::bad_request("invalid_query", detail).with_field("limit", message))
        }
        limit => Ok(limit.min(MAX_PAGE)),
    }
}

/// The parameters within the path.
pub struct PathParams<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(value) = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::bad_request("invalid_path", format!("{}.", rejection.body_text())))?;
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{escapes_nul, parse};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only parsing is tested")]
        content: String,
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (json, status, field) in [
            ("", 400, None),
            ("{", 400, None),
            (r#"{"content":"a"} x"#, 400, None),
            ("[]", 422, None),
            (r#"["a"]"#, 422, None),
            ("{}", 422, Some("content")),
            (r#"{"content":1}"#, 422, Some("content")),
            (r#"{"content":"a","more":1}"#, 422, Some("more")),
            (r#"{"content":"a\u0000"}"#, 422, None),
        ] {
            let problem = parse::<Body>(json.as_bytes()).unwrap_err();
            assert_eq!(problem.status().as_u16(), status, "{json}");
            let shown = format!("{problem:?}");
            assert_eq!(
                field,
                shown.split("field: \"").nth(1).and_then(|rest| rest.split('"').next()),
                "{json}: {shown}"
            );
        }
    }

    #[test]
    fn an_escaped_backslash_before_u0000_is_no_nul() {
        assert!(escapes_nul(br#""a\u0000""#));
        assert!(escapes_nul(br#""a\\\u0000""#));
        assert!(!escapes_nul(br#""a\\u0000""#));
        assert!(!escapes_nul(br#""\"#));
    }
}
