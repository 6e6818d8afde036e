//! Planning without declaring: what would change.

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use mycopod_engine::MAX_DRY;
use mycopod_engine::view::DryPlan;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::declarations::NewDeclaration;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::JsonBody;
use crate::problem::{Problem, ProblemDetails};

pub fn routes() -> OpenApiRouter<App> {
    // Escaped, a text may be twice as long.
    OpenApiRouter::new().routes(routes!(plan)).layer(DefaultBodyLimit::max(2 * MAX_DRY))
}

/// Plans without declaring: nothing is kept, and nothing can be approved. An intent may be as long as a folder of them
/// is, up to 1 MiB and 1,000 guests. Each person may ask once a second, and twenty times at once.
#[utoipa::path(post, path = "/api/v1/plans", tag = "declarations", request_body = NewDeclaration,
    responses(
        (status = OK, body = DryPlan),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "It cannot be read; `detail` says where and why"),
        (status = TOO_MANY_REQUESTS, body = ProblemDetails, content_type = "application/problem+json",
            description = "You ask too often; `Retry-After` says when to come back")))]
async fn plan(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<NewDeclaration>,
) -> Result<Json<DryPlan>, Problem> {
    app.dry_plans.take(actor.id, app.now())?;
    let field = body.field();
    let plan = app.engine.dry_plan(&body.text()?).await;
    Ok(Json(plan.map_err(|refusal| Problem::from(refusal).of_field(field))?))
}
