//! What is decided about drift. The drift itself stands with the guests.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mycopod_core::id::ResourceId;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::caller::{Admin, Caller};
use crate::extract::{JsonBody, PathParams};
use crate::problem::{Problem, ProblemDetails};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(accept)).routes(routes!(ignore)).routes(routes!(snooze)).routes(routes!(let_go))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acceptance {
    /// The value that you saw, as `observed` shows it.
    observed: Value,
}

/// Accepts the value that is seen, as an Admin: it is the declared one from now on. Where the declaration holds no value
/// of the field but asked for a deed, the field is not declared any more.
#[utoipa::path(post, path = "/api/v1/drift/{resource}/{field}/accept", tag = "drift",
    params(("resource" = Uuid, Path, description = "The guest's resource"), ("field" = String, Path, description = "The field's key")),
    request_body = Acceptance,
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, body = ProblemDetails, content_type = "application/problem+json",
            description = "The field has not drifted, or no longer"),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Another value is seen meanwhile, the guest is gone, or a plan is being carried out on it")))]
async fn accept(
    State(app): State<App>,
    Admin(admin): Admin,
    PathParams((resource, field)): PathParams<(Uuid, String)>,
    JsonBody(body): JsonBody<Acceptance>,
) -> Result<StatusCode, Problem> {
    app.engine.accept(&admin, ResourceId(resource), &field, &body.observed).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a drifted field nobody's: it is not declared any more, until a newer declaration names it. For the author of the
/// declaration that owns it, and Admins.
#[utoipa::path(post, path = "/api/v1/drift/{resource}/{field}/ignore", tag = "drift",
    params(("resource" = Uuid, Path, description = "The guest's resource"), ("field" = String, Path, description = "The field's key")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, body = ProblemDetails, content_type = "application/problem+json",
            description = "The field has not drifted, or no longer, or is somebody else's")))]
async fn ignore(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams((resource, field)): PathParams<(Uuid, String)>,
) -> Result<StatusCode, Problem> {
    app.engine.ignore(&actor, ResourceId(resource), &field).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Snooze {
    /// When it shall be heard of again: within 30 days.
    until: DateTime<Utc>,
}

/// Lets a drift rest until then, or until another value is seen. For the author of the declaration, and Admins.
#[utoipa::path(post, path = "/api/v1/drift/{resource}/{field}/snooze", tag = "drift",
    params(("resource" = Uuid, Path, description = "The guest's resource"), ("field" = String, Path, description = "The field's key")),
    request_body = Snooze,
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, body = ProblemDetails, content_type = "application/problem+json",
            description = "The field has not drifted, or no longer, or is somebody else's"),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "The time is over, or more than 30 days ahead")))]
async fn snooze(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams((resource, field)): PathParams<(Uuid, String)>,
    JsonBody(body): JsonBody<Snooze>,
) -> Result<StatusCode, Problem> {
    app.engine.snooze(&actor, ResourceId(resource), &field, body.until).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accepts that a guest of ours is gone, as an Admin. It must be proven: every node is asked again.
#[utoipa::path(post, path = "/api/v1/drift/{resource}/gone", tag = "drift",
    params(("resource" = Uuid, Path, description = "The guest's resource")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, body = ProblemDetails, content_type = "application/problem+json",
            description = "There is no such guest of ours, or no longer"),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is not gone, or that is not proven")))]
async fn let_go(
    State(app): State<App>,
    Admin(admin): Admin,
    PathParams(resource): PathParams<Uuid>,
) -> Result<StatusCode, Problem> {
    app.engine.let_go(&admin, ResourceId(resource)).await?;
    Ok(StatusCode::NO_CONTENT)
}
