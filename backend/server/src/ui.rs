//! The user interface, within the binary.

use axum::body::Bytes;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

use crate::problem::Problem;

/// The front end's build. Built without optimisation the server reads it from the folder, at each request.
#[derive(Embed)]
#[folder = "../../frontend/dist"]
struct Dist;

/// The page that runs the routes of the user interface.
const INDEX: &str = "index.html";
/// Files here have a hash of their content in their name.
const HASHED: &str = "assets/";

/// Answers what is no route of the API: a file of the user interface, its page for a route of
/// its own, or 404.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let known = find(path);
    let Some((name, file)) = known else {
        return Problem::not_found(format!("There is nothing at {}.", uri.path())).into_response();
    };
    if !matches!(method, Method::GET | Method::HEAD) {
        let detail = format!("{} does not take {method}.", uri.path());
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        return ([(ALLOW, "GET,HEAD")], problem).into_response();
    }
    page(name, file, &headers)
}

/// The file at `path`; for a route of the user interface, which has no dot in it, the page that runs it.
fn find(path: &str) -> Option<(&str, EmbeddedFile)> {
    if path == "api" || path.starts_with("api/") {
        return None;
    }
    let is_route = !path.contains('.') && !path.starts_with(HASHED);
    let name = if is_route { INDEX } else { path };
    Some((name, Dist::get(name)?))
}

fn page(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = etag(&file.metadata.sha256_hash());
    let kept = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let about: [(HeaderName, HeaderValue); 2] = [(ETAG, etag.clone()), (CACHE_CONTROL, HeaderValue::from_static(kept))];
    if headers.get(IF_NONE_MATCH).is_some_and(|have| matches_etag(have, &etag)) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let media_type = mime_guess::from_path(name).first_or_octet_stream();
    let utf8 = if media_type.type_() == mime_guess::mime::TEXT { "; charset=utf-8" } else { "" };
    (about, [(CONTENT_TYPE, format!("{media_type}{utf8}"))], Bytes::from_owner(file.data)).into_response()
}

/// A weak tag (RFC 9110, section 8.8.1): the same file may be sent compressed or not.
fn etag(hash: &[u8; 32]) -> HeaderValue {
    let short: u128 = hash[..16].iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
    HeaderValue::try_from(format!("W/\"{short:032x}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
}

fn matches_etag(have: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(have), Ok(etag)) = (have.to_str(), etag.to_str()) else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    have.split(',').any(|tag| opaque(tag) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use super::{etag, find, matches_etag};

    #[test]
    fn routes_of_the_ui_get_its_page_and_the_api_keeps_its_404() {
        for route in ["", "login", "declarations/0199", "audit"] {
            assert_eq!(find(route).map(|(name, _)| name), Some("index.html"), "{route}");
        }
        for nothing in ["api", "api/v1/nothing", "missing.js", "assets/missing", "../Cargo.toml", ".env"] {
            assert!(find(nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn a_tag_matches_itself_within_a_list() {
        let tag = etag(&[7; 32]);
        let text = tag.to_str().unwrap();
        for (have, matches) in [(text.to_owned(), true), (format!("\"x\", {text}"), true), ("\"x\"".to_owned(), false)]
        {
            assert_eq!(matches_etag(&have.parse().unwrap(), &tag), matches, "{have}");
        }
    }
}
