//! Archiving and removing the ledger of declarations that ended long ago.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use mycopod_engine::view::{ArchiveBatch, Pruned};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Admin;
use crate::extract::{JsonBody, QueryParams};
use crate::problem::{Problem, ProblemDetails};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(archive)).routes(routes!(prune))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Before {
    /// Declarations that ended before this time.
    before: DateTime<Utc>,
}

/// The next lines of the archive, as an Admin: of up to 20 declarations that were refused, called off or superseded before
/// a time, and of which nothing is owned or under way, everything that the ledger has. Nothing is changed.
#[utoipa::path(get, path = "/api/v1/archive", tag = "audit", params(Before),
    responses(
        (status = OK, body = ArchiveBatch),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "The time is later than the retention allows")))]
async fn archive(
    State(app): State<App>,
    Admin(admin): Admin,
    QueryParams(query): QueryParams<Before>,
) -> Result<Json<ArchiveBatch>, Problem> {
    Ok(Json(app.engine.archive(&admin, query.before).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Pruning {
    /// The time that the lines were asked for by.
    before: DateTime<Utc>,
    /// The digest of the lines that were kept.
    sha256: String,
}

/// Removes, as an Admin, the ledger of the declarations whose lines have this digest: readings, answers, plans, approvals
/// and steps. The declarations stay, and the audit log, which gets an entry with the digest.
#[utoipa::path(post, path = "/api/v1/archive/prune", tag = "audit", request_body = Pruning,
    responses(
        (status = OK, body = Pruned),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Other lines would be removed now: archive again")))]
async fn prune(
    State(app): State<App>,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<Pruning>,
) -> Result<Json<Pruned>, Problem> {
    Ok(Json(app.engine.prune(&admin, body.before, &body.sha256).await?))
}
