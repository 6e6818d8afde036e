//! Secrets that declarations name: set and forgotten, never shown.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mycopod_core::cluster::Secret;
use mycopod_engine::view::SecretLine;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Admin;
use crate::extract::{JsonBody, PathParams};
use crate::problem::Problem;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set, remove))
}

/// Which secrets there are; for Admins. No value is ever shown.
#[utoipa::path(get, path = "/api/v1/secrets", tag = "secrets", responses((status = OK, body = Vec<SecretLine>)))]
async fn list(State(app): State<App>, Admin(admin): Admin) -> Result<Json<Vec<SecretLine>>, Problem> {
    Ok(Json(app.engine.secrets(&admin).await?))
}

/// A secret's value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecretValue {
    /// 1 to 1024 bytes on one line. It is sealed at once, and can be replaced but not read.
    #[schema(format = Password)]
    value: String,
}

/// Sets a secret's value, or another one; for Admins. Guests that were given an older one keep it.
#[utoipa::path(put, path = "/api/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path)),
    request_body = SecretValue, responses((status = NO_CONTENT)))]
async fn set(
    State(app): State<App>,
    Admin(admin): Admin,
    PathParams(name): PathParams<String>,
    JsonBody(body): JsonBody<SecretValue>,
) -> Result<StatusCode, Problem> {
    app.engine.set_secret(&admin, &name, &Secret::new(body.value)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a secret; for Admins. Guests that were given it keep it.
#[utoipa::path(delete, path = "/api/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path)),
    responses((status = NO_CONTENT)))]
async fn remove(
    State(app): State<App>,
    Admin(admin): Admin,
    PathParams(name): PathParams<String>,
) -> Result<StatusCode, Problem> {
    app.engine.remove_secret(&admin, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
