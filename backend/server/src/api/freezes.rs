//! Freezes: everybody sees which stand; an Admin sets and lifts them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mycopod_engine::view::FreezeView;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::{Admin, Caller};
use crate::extract::{JsonBody, QueryParams};
use crate::problem::{Problem, ProblemDetails};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, freeze, unfreeze))
}

/// The freezes that stand, that of all clusters first. While one stands nothing is applied there; reading and planning go
/// on, and steps that were under way end.
#[utoipa::path(get, path = "/api/v1/freezes", tag = "freezes", responses((status = OK, body = Vec<FreezeView>)))]
async fn list(State(app): State<App>, _: Caller) -> Result<Json<Vec<FreezeView>>, Problem> {
    Ok(Json(app.engine.freezes().await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFreeze)]
struct NewFreezeBody {
    /// Which cluster; without a name all of them.
    cluster: Option<String>,
    /// Why: everybody reads it while nothing is applied.
    #[schema(min_length = 1, max_length = 500, example = "storage upgrade until noon")]
    why: String,
}

/// Freezes a cluster or all, as an Admin. Once this has answered no step begins there.
#[utoipa::path(post, path = "/api/v1/freezes", tag = "freezes", request_body = NewFreezeBody,
    responses(
        (status = OK, body = Vec<FreezeView>),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is frozen already")))]
async fn freeze(
    State(app): State<App>,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<NewFreezeBody>,
) -> Result<Json<Vec<FreezeView>>, Problem> {
    app.engine.freeze(&admin, body.cluster.as_deref(), &body.why).await?;
    Ok(Json(app.engine.freezes().await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Which cluster; without a name the freeze of all.
    cluster: Option<String>,
}

/// Lifts a freeze, as an Admin: what was approved meanwhile is carried out.
#[utoipa::path(delete, path = "/api/v1/freezes", tag = "freezes", params(Which),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is not frozen")))]
async fn unfreeze(
    State(app): State<App>,
    Admin(admin): Admin,
    QueryParams(which): QueryParams<Which>,
) -> Result<StatusCode, Problem> {
    app.engine.unfreeze(&admin, which.cluster.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
