//! What is on the cluster.

use axum::Json;
use axum::extract::State;
use mycopod_engine::view::{Cluster, GuestRow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::problem::Problem;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(guests)).routes(routes!(cluster))
}

/// All guests as last seen, ours and others, with their drift.
#[utoipa::path(get, path = "/api/v1/guests", tag = "cluster", responses((status = OK, body = Vec<GuestRow>)))]
async fn guests(State(app): State<App>, _: Caller) -> Result<Json<Vec<GuestRow>>, Problem> {
    Ok(Json(app.engine.guests().await?))
}

/// The cluster as last seen: nodes, storages, bridges, and what guests can be made from.
#[utoipa::path(get, path = "/api/v1/cluster", tag = "cluster", responses((status = OK, body = Cluster)))]
async fn cluster(State(app): State<App>, _: Caller) -> Result<Json<Cluster>, Problem> {
    Ok(Json(app.engine.cluster().await?))
}
