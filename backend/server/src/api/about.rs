//! What runs here.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(about))
}

/// What runs here.
#[derive(Serialize, ToSchema)]
struct About {
    /// `MycoPod`.
    product: &'static str,
    /// Its version.
    version: String,
    /// Whether the only cluster is the sandbox, and no Proxmox VE is touched.
    sandbox: bool,
    /// `builtin` or `openai`.
    reader: &'static str,
    /// The language model that reads declarations, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    reader_model: Option<String>,
}

/// What runs here: product, version, cluster and reader.
#[utoipa::path(get, path = "/api/v1/about", tag = "health", security(()), responses((status = OK, body = About)))]
async fn about(State(app): State<App>) -> Json<About> {
    let (reader, model) = app.engine.reader();
    Json(About {
        product: "MycoPod",
        version: app.config.version.clone(),
        sandbox: app.engine.is_practice(),
        reader,
        reader_model: model.map(str::to_owned),
    })
}
