//! Reading without declaring: what would be understood, as somebody types.

use axum::Json;
use axum::extract::State;
use mycopod_engine::view::Preview;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::declarations::Answer;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::JsonBody;
use crate::problem::{Problem, ProblemDetails};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReading {
    /// What is typed so far: words, up to 4,000 characters, or a typed intent, up to 24,000.
    #[schema(min_length = 1, max_length = 24000, example = "Create a VM web-01 with 4 cores")]
    content: String,
    /// Answers to questions of an earlier reading of it.
    #[serde(default)]
    answers: Vec<Answer>,
}

/// Reads a text without declaring it: nothing is kept, planned or sent anywhere. The built-in reader reads it against
/// the newest look at the cluster. Each person may ask five times a second, and twenty times at once.
#[utoipa::path(post, path = "/api/v1/readings", tag = "declarations", request_body = NewReading,
    responses(
        (status = OK, body = Preview),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is empty, or longer than 4,000 characters, or as an intent than 24,000"),
        (status = TOO_MANY_REQUESTS, body = ProblemDetails, content_type = "application/problem+json",
            description = "You ask too often; `Retry-After` says when to come back")))]
async fn read(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    JsonBody(body): JsonBody<NewReading>,
) -> Result<Json<Preview>, Problem> {
    app.readings.take(actor.id, app.now())?;
    let answers: Vec<_> = body.answers.into_iter().map(Answer::pair).collect();
    let preview = app.engine.preview(&body.content, &answers).await;
    Ok(Json(preview.map_err(|refusal| Problem::from(refusal).of_field("content"))?))
}
