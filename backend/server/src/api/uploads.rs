//! Files for a storage: streamed through, never kept here.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use futures::{StreamExt, TryStreamExt};
use mycopod_engine::view::Uploaded;
use mycopod_engine::{Destination, Refusal};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Admin;
use crate::extract::QueryParams;
use crate::problem::Problem;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(upload))
}

/// Where a file goes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct To {
    /// The cluster; the first where it is left out.
    cluster: Option<String>,
    /// The node.
    node: String,
    /// The storage.
    storage: String,
    /// The file's name; its ending tells what it is.
    file: String,
}

/// Sends a file to a storage; for Admins. The body is the file, and its length is given in `Content-Length`: 1 byte to
/// 64 GiB. A file that is there is not overwritten.
#[utoipa::path(post, path = "/api/v1/uploads", tag = "clusters", params(To),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = CREATED, body = Uploaded)))]
async fn upload(
    State(app): State<App>,
    Admin(admin): Admin,
    QueryParams(to): QueryParams<To>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Uploaded>), Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let size = length.ok_or_else(|| {
        Refusal::Invalid("Content-Length must say how many bytes the file has. Nothing was sent.".to_owned())
    })?;
    let To { cluster, node, storage, file } = to;
    let bytes = body.into_data_stream().map_ok(Vec::from).map_err(std::io::Error::other).boxed();
    let destination = Destination { cluster, node, storage, file };
    let uploaded = app.engine.upload(&admin, &destination, size, bytes).await?;
    Ok((StatusCode::CREATED, Json(uploaded)))
}
