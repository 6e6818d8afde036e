//! Whether the server is there, whether it can do its work, and its metrics.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use mycopod_engine::view::Readiness;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::metrics;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(ping))
        .routes(routes!(ping_at_the_root))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// Answers "pong".
#[utoipa::path(get, path = "/api/v1/ping", tag = "health", security(()),
    responses((status = OK, body = String, content_type = "application/json", example = json!("pong"))))]
async fn ping() -> Json<&'static str> {
    Json("pong")
}

/// Answers "pong", outside of the API's folder.
#[utoipa::path(get, path = "/ping", tag = "health", security(()),
    responses((status = OK, body = String, content_type = "application/json", example = json!("pong"))))]
async fn ping_at_the_root() -> Json<&'static str> {
    Json("pong")
}

/// Whether the process serves. Asks nothing else.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()),
    responses((status = OK, body = String, content_type = "application/json", example = json!("ok"))))]
async fn healthz() -> Json<&'static str> {
    Json("ok")
}

/// Whether MycoPod can do its work: the database and Proxmox, each with its age.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses(
        (status = OK, body = Readiness),
        (status = SERVICE_UNAVAILABLE, body = Readiness, description = "The database does not answer, or the server is stopping")))]
async fn readyz(State(app): State<App>) -> impl IntoResponse {
    let readiness = app.engine.readiness().await;
    // Without Proxmox people can still log in, look and declare; without the database nothing goes.
    let ready = readiness.database.ok && !app.leaving.is_cancelled();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "health", security(()),
    responses((status = OK, body = String, content_type = "text/plain")))]
async fn metrics(State(app): State<App>) -> impl IntoResponse {
    metrics::look(&app.engine).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}
