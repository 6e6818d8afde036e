//! What surrounds every handler: bounds, security headers, CORS, and problem details for what no handler answers.

use std::any::Any;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tower_http::cors::CorsLayer;

use crate::Config;
use crate::app::App;
use crate::problem::Problem;

/// Longer than the longest `?wait=`, shorter than proxies' patience. Streams are not bound by it once they began.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(50);
/// When to come back to a server that is at its bound.
const BUSY_SECONDS: u64 = 2;
/// How long a browser may remember what CORS allows.
const CORS_MAX_AGE: Duration = Duration::from_mins(10);

/// The pages load nothing from elsewhere; styles are set on elements by the component library.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Bounds the number of requests at once and the time of each.
pub async fn bounded(State(app): State<App>, request: Request, next: Next) -> Response {
    let Ok(_permit) = app.requests.try_acquire() else {
        return Problem::busy("The server has too much to do at this moment. Nothing was changed.", BUSY_SECONDS)
            .into_response();
    };
    timeout(REQUEST_TIMEOUT, next.run(request)).await.unwrap_or_else(|_| {
        let detail = "The answer took too long. Whether anything was changed is not known: look before trying again.";
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail).into_response()
    })
}

/// Adds the security headers. What no handler lets be kept is kept nowhere.
pub async fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Lets the pages of the listed origins use the API, with the refresh cookie.
pub fn cors(config: &Config) -> CorsLayer {
    let origins = config.cors_origins.iter().filter_map(|origin| origin.parse::<HeaderValue>().ok());
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([RETRY_AFTER])
        .allow_credentials(true)
        .max_age(CORS_MAX_AGE)
}

/// 405; the router adds `Allow`.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}; the header Allow says what it takes.", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// 500 for a handler that panicked; the panic's own text goes to the log alone.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands over what it caught")]
pub fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(cause = text.unwrap_or("unknown"), "a handler panicked");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::response::Response;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::panicked;

    #[tokio::test]
    async fn a_panic_is_an_error_500_that_keeps_its_cause_to_itself() {
        let broken = || async { panic!("the cause") as Response };
        let router = Router::new().route("/", get(broken)).layer(CatchPanicLayer::custom(panicked));
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"{\"type\""), "{body:?}");
        assert!(!String::from_utf8_lossy(&body).contains("the cause"));
    }
}
