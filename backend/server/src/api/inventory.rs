//! What is on the cluster.

use axum::Json;
use axum::extract::State;
use mycopod_engine::view::{Cluster, GuestRow};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::extract::QueryParams;
use crate::problem::Problem;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(guests)).routes(routes!(cluster))
}

/// All guests of all clusters as last seen, ours and others, with their drift.
#[utoipa::path(get, path = "/api/v1/guests", tag = "cluster", responses((status = OK, body = Vec<GuestRow>)))]
async fn guests(State(app): State<App>, _: Caller) -> Result<Json<Vec<GuestRow>>, Problem> {
    Ok(Json(app.engine.guests().await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ClusterQuery {
    /// Which cluster; without a name the first.
    cluster: Option<String>,
}

/// A cluster as last seen: nodes, storages, bridges, and what guests can be made from.
#[utoipa::path(get, path = "/api/v1/cluster", tag = "cluster", params(ClusterQuery),
    responses((status = OK, body = Cluster)))]
async fn cluster(
    State(app): State<App>,
    _: Caller,
    QueryParams(query): QueryParams<ClusterQuery>,
) -> Result<Json<Cluster>, Problem> {
    Ok(Json(app.engine.cluster(query.cluster.as_deref()).await?))
}
