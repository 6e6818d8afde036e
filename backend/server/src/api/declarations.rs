//! Declarations: typed, answered, confirmed, called off, planned again. The engine decides; this is its HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use mycopod_core::id::DeclarationId;
use mycopod_core::typed::is_intent;
use mycopod_engine::view::{Detail, Listed, SettableField, StepLog, Wording};
use mycopod_engine::{Actor, Refusal};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::intents::Intent;
use crate::app::App;
use crate::caller::{Admin, Caller};
use crate::extract::{JsonBody, PathParams, QueryParams, page_limit};
use crate::problem::{Problem, ProblemDetails};

/// How many declarations a page has where nobody says.
const PAGE: u32 = 50;
/// The longest wait, in seconds: shorter than proxies' and clients' patience.
const MAX_WAIT: u64 = 30;
/// How long a confirmation that came too late waits for the new plan: it takes one look at the cluster.
const REPLAN: Duration = Duration::from_secs(15);

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(declare, list))
        .routes(routes!(detail))
        .routes(routes!(wording))
        .routes(routes!(answer))
        .routes(routes!(edit))
        .routes(routes!(take_back))
        .routes(routes!(settable))
        .routes(routes!(confirm))
        .routes(routes!(cancel))
        .routes(routes!(plan_again))
        .routes(routes!(give_standing, revoke_standing))
        .routes(routes!(step_log))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeclaration {
    /// What you want, in your own words, up to 4,000 characters; or the text of a typed intent, up to 24,000.
    #[schema(min_length = 1, max_length = 24000, example = "Create a VM web-01 with 4 cores and 8 GB of memory")]
    content: Option<String>,
    /// Instead of words a typed intent, as `GET /api/v1/intent.schema.json` has it: as an object, or as the text of a
    /// file, YAML or JSON, which stays as it is.
    #[schema(value_type = Option<serde_json::Value>)]
    intent: Option<Intent>,
}

impl NewDeclaration {
    /// The field that has the text: what is wrong with it is said there.
    pub const fn field(&self) -> &'static str {
        if self.intent.is_some() { "intent" } else { "content" }
    }

    /// The words, or the intent as a text.
    pub fn text(self) -> Result<String, Problem> {
        match (self.content, self.intent) {
            (Some(content), None) => Ok(content),
            (None, Some(Intent(text))) if is_intent(&text) => Ok(text),
            (None, Some(_)) => {
                Err(Problem::invalid("intent", "An intent begins with “mycopod: v1”. Nothing was declared."))
            }
            (None, None) => Err(Problem::invalid("content", "Say what you want: give content or intent.")),
            (Some(_), Some(_)) => Err(Problem::invalid("intent", "Give content or intent, not both.")),
        }
    }
}

/// The header under which a client that lost the answer declares the same again, once.
const KEY: &str = "Idempotency-Key";

/// Declares. The declaration is read and planned; an Admin's confirmation carries the plan out.
#[utoipa::path(post, path = "/api/v1/declarations", tag = "declarations", request_body = NewDeclaration,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 100,
        description = "A key of your own choosing, e.g. a UUID. The same text under the same key within a day is the same \
                       declaration: send it again where the answer got lost")),
    responses(
        (status = CREATED, body = Detail, headers(("Location" = String, description = "The declaration"))),
        (status = FORBIDDEN, body = ProblemDetails, content_type = "application/problem+json",
            description = "No Admin has approved your account yet"),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "The key stands for another text"),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is empty or longer than 4,000 characters, or an intent that is longer than 24,000 or of which \
                           `detail` tells what does not fit")))]
async fn declare(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<NewDeclaration>,
) -> Result<impl IntoResponse, Problem> {
    // What is no text is no key either.
    let key = headers.get(KEY).map(|key| key.to_str().unwrap_or_default());
    let field = body.field();
    let id = app.engine.declare_once(&actor, &body.text()?, key).await;
    let id = id.map_err(|refusal| Problem::from(refusal).of_field(field))?;
    let detail = app.engine.detail(&actor, id).await?;
    Ok((StatusCode::CREATED, [(LOCATION, format!("/api/v1/declarations/{id}"))], Json(detail)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// How many at most; never more than 200 are given.
    #[param(minimum = 1, default = 50)]
    limit: Option<u32>,
    /// Only those older than this declaration: the last id of the page before.
    before: Option<Uuid>,
}

/// Your declarations, an Admin all, newest first.
#[utoipa::path(get, path = "/api/v1/declarations", tag = "declarations", params(ListQuery),
    responses((status = OK, body = Vec<Listed>)))]
async fn list(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Vec<Listed>>, Problem> {
    let limit = page_limit(query.limit, PAGE)?;
    Ok(Json(app.engine.list(&actor, limit, query.before.map(DeclarationId)).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DetailQuery {
    /// Waits this many seconds, 30 at most, while it is being read, planned or applied.
    #[param(minimum = 0, default = 0)]
    wait: Option<u64>,
}

/// A declaration with its reading, its plan and how carrying it out stands.
#[utoipa::path(get, path = "/api/v1/declarations/{id}", tag = "declarations",
    params(("id" = Uuid, Path), DetailQuery), responses((status = OK, body = Detail)))]
async fn detail(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams(id): PathParams<Uuid>,
    QueryParams(query): QueryParams<DetailQuery>,
) -> Result<Json<Detail>, Problem> {
    let id = DeclarationId(id);
    let now = app.engine.detail(&actor, id).await?;
    let wait = Duration::from_secs(query.wait.unwrap_or(0).min(MAX_WAIT));
    if wait.is_zero() {
        return Ok(Json(now));
    }
    app.stop.run_until_cancelled(app.engine.wait(id, wait)).await;
    Ok(Json(app.engine.detail(&actor, id).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Answers {
    /// One for each question that you answer.
    answers: Vec<Answer>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The question's id.
    question: String,
    /// One of its options, or your own words. Those about words that were not understood are read in their place.
    answer: String,
}

impl Answer {
    /// The question's id, and what was answered.
    pub fn pair(self) -> (String, String) {
        (self.question, self.answer)
    }
}

/// Answers questions. The declaration is read and planned again with them.
#[utoipa::path(post, path = "/api/v1/declarations/{id}/answers", tag = "declarations",
    params(("id" = Uuid, Path)), request_body = Answers, responses((status = OK, body = Detail)))]
async fn answer(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams(id): PathParams<Uuid>,
    JsonBody(body): JsonBody<Answers>,
) -> Result<Json<Detail>, Problem> {
    let answers: Vec<_> = body.answers.into_iter().map(Answer::pair).collect();
    let id = DeclarationId(id);
    app.engine.answer(&actor, id, &answers).await?;
    Ok(Json(app.engine.detail(&actor, id).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEdit {
    /// The guest: the `id` that it has in the declaration's `intent`.
    guest: String,
    /// The field's key, as in `docs/FIELDS.md`; of a guest to be made also `kind`, `image`, `node` or `vmid`. `disk.scsi1` or
    /// `nic.1` is a whole disk or NIC, which need not be there yet.
    field: String,
    /// The value, as an intent file has it: `true`, `4`, `"8 GiB"`, a text or a list of texts. A size may have its unit as
    /// people write it: `"8 GB"` and `"8G"` are 8 GiB, as in Proxmox. Of a whole disk or NIC it is an object of its parts,
    /// `{"size": "20 GiB", "storage": "local-lvm"}`, or `null` to leave out what was declared of it. A kind is `vm` or
    /// `container`; an image is one that the cluster has, and `null` none.
    value: serde_json::Value,
}

/// Sets a field while the plan waits for approval: the edit becomes part of the declaration's record, and it is planned
/// again with it. What Proxmox or the cluster does not take becomes a question, as where it is said in words. While a
/// question is open, what was set before can be set anew.
#[utoipa::path(post, path = "/api/v1/declarations/{id}/edits", tag = "declarations",
    params(("id" = Uuid, Path)), request_body = NewEdit,
    responses(
        (status = OK, body = Detail),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Nothing of it can be set now, a plan of it was carried out, or it is so already"),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "There is no such guest or field in it, or the value does not fit the field; `errors` says which, \
                           such as `value.size`")))]
async fn edit(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams(id): PathParams<Uuid>,
    JsonBody(body): JsonBody<NewEdit>,
) -> Result<Json<Detail>, Problem> {
    let id = DeclarationId(id);
    app.engine.edit(&actor, id, &body.guest, &body.field, &body.value).await?;
    Ok(Json(app.engine.detail(&actor, id).await?))
}

/// Takes an edit back, while the plan waits for approval or a question is open; the declaration is planned again without
/// it. What was set of the parts of a disk or NIC that it added goes with it. The record keeps it, and who took it back.
/// Answers to what was asked because of it hold no more.
#[utoipa::path(delete, path = "/api/v1/declarations/{id}/edits/{number}", tag = "declarations",
    params(("id" = Uuid, Path), ("number" = usize, Path, description = "The edit's number")),
    responses(
        (status = OK, body = Detail),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Nothing of it can be taken back now, a plan of it was carried out, or it was taken back already")))]
async fn take_back(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams((id, number)): PathParams<(Uuid, usize)>,
) -> Result<Json<Detail>, Problem> {
    let id = DeclarationId(id);
    app.engine.take_back(&actor, id, number).await?;
    Ok(Json(app.engine.detail(&actor, id).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfGuest {
    /// The guest: the `id` that it has in the declaration's `intent`.
    guest: String,
}

/// The fields of a guest of which the declaration says nothing yet and which can be set in a form, and the next disk and NIC
/// that it could be given. Of the node, the image, a CD and what a disk is imported from, said or not, the schema lists what the
/// cluster has.
#[utoipa::path(get, path = "/api/v1/declarations/{id}/fields", tag = "declarations",
    params(("id" = Uuid, Path), OfGuest), responses((status = OK, body = Vec<SettableField>)))]
async fn settable(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams(id): PathParams<Uuid>,
    QueryParams(of): QueryParams<OfGuest>,
) -> Result<Json<Vec<SettableField>>, Problem> {
    Ok(Json(app.engine.settable(&actor, DeclarationId(id), &of.guest).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    /// The digest of the plan that you saw.
    plan_digest: String,
    /// The names of all guests that it destroys.
    #[serde(default)]
    destroy: BTreeSet<String>,
    /// Whether repairs of it shall have a standing approval from now on, as `POST …/standing` gives one.
    #[serde(default)]
    standing: bool,
}

/// Confirms a plan, as an Admin: it is carried out.
#[utoipa::path(post, path = "/api/v1/declarations/{id}/confirm", tag = "declarations",
    params(("id" = Uuid, Path)), request_body = Confirmation,
    responses(
        (status = ACCEPTED, body = Detail),
        (status = FORBIDDEN, body = ProblemDetails, content_type = "application/problem+json",
            description = "You are no approved Admin"),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "The cluster or the plan has changed, or a destroy is not named; `declaration` shows how it is now")))]
async fn confirm(
    State(app): State<App>,
    Admin(actor): Admin,
    PathParams(id): PathParams<Uuid>,
    JsonBody(body): JsonBody<Confirmation>,
) -> Result<impl IntoResponse, Problem> {
    let id = DeclarationId(id);
    match app.engine.approve(&actor, id, &body.plan_digest, &body.destroy).await {
        Ok(()) => {
            if body.standing {
                app.engine.give_standing(&actor, id).await?;
            }
            Ok((StatusCode::ACCEPTED, Json(app.engine.detail(&actor, id).await?)))
        }
        Err(refusal @ (Refusal::Conflict(_) | Refusal::Stale(_))) => Err(too_late(&app, &actor, id, refusal).await),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn too_late(app: &App, actor: &Actor, id: DeclarationId, refusal: Refusal) -> Problem {
    if matches!(refusal, Refusal::Stale(_)) {
        // It is being planned anew; the answer is to show the new plan.
        app.stop.run_until_cancelled(app.engine.wait(id, REPLAN)).await;
    }
    // Where even looking fails now, the refusal itself is still worth telling.
    Problem::from(refusal).with_declaration(app.engine.detail(actor, id).await.ok())
}

/// Calls a declaration off. A step under way is finished; what was done stays done.
#[utoipa::path(post, path = "/api/v1/declarations/{id}/cancel", tag = "declarations",
    params(("id" = Uuid, Path)), responses((status = OK, body = Detail)))]
async fn cancel(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<Detail>, Problem> {
    let id = DeclarationId(id);
    app.engine.cancel(&actor, id).await?;
    Ok(Json(app.engine.detail(&actor, id).await?))
}

/// Plans again from what is: after a change of the cluster, a failure, or drift.
#[utoipa::path(post, path = "/api/v1/declarations/{id}/plan", tag = "declarations",
    params(("id" = Uuid, Path)), responses((status = OK, body = Detail)))]
async fn plan_again(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<Detail>, Problem> {
    let id = DeclarationId(id);
    app.engine.plan_again(&actor, id).await?;
    Ok(Json(app.engine.detail(&actor, id).await?))
}

/// Gives a standing approval, as an Admin: repairs of the declaration of which every step takes effect at once, or starts
/// a stopped guest, happen by themselves. They never make, move or delete anything, each is approved for itself by this
/// approval, and after so many within an hour, or where another tool undoes them again and again, it ends.
#[utoipa::path(post, path = "/api/v1/declarations/{id}/standing", tag = "declarations",
    params(("id" = Uuid, Path)),
    responses(
        (status = OK, body = Detail),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It has one already, or has ended")))]
async fn give_standing(
    State(app): State<App>,
    Admin(actor): Admin,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<Detail>, Problem> {
    let id = DeclarationId(id);
    app.engine.give_standing(&actor, id).await?;
    Ok(Json(app.engine.detail(&actor, id).await?))
}

/// Revokes a standing approval, as an Admin. A repair under way is finished.
#[utoipa::path(delete, path = "/api/v1/declarations/{id}/standing", tag = "declarations",
    params(("id" = Uuid, Path)),
    responses(
        (status = OK, body = Detail),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It has none")))]
async fn revoke_standing(
    State(app): State<App>,
    Admin(actor): Admin,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<Detail>, Problem> {
    let id = DeclarationId(id);
    app.engine.revoke_standing(&actor, id).await?;
    Ok(Json(app.engine.detail(&actor, id).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// The first line that is wanted, from 0.
    #[param(minimum = 0, default = 0)]
    start: Option<u64>,
}

/// What the plan says of itself, in a language model's words, where `LLM_REPHRASE` is on. It may take as long as the model
/// takes; the plan does not wait for it, and nothing depends on it.
#[utoipa::path(get, path = "/api/v1/declarations/{id}/plan/wording", tag = "declarations",
    params(("id" = Uuid, Path)),
    responses((status = OK, body = Wording)))]
async fn wording(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<Wording>, Problem> {
    Ok(Json(app.engine.wording(&actor, DeclarationId(id)).await?))
}

/// Proxmox's log of a step's task.
#[utoipa::path(get, path = "/api/v1/declarations/{id}/steps/{seq}/log", tag = "declarations",
    params(("id" = Uuid, Path), ("seq" = u32, Path, description = "The step's number"), LogQuery),
    responses((status = OK, body = StepLog)))]
async fn step_log(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    PathParams((id, seq)): PathParams<(Uuid, u32)>,
    QueryParams(query): QueryParams<LogQuery>,
) -> Result<Json<StepLog>, Problem> {
    Ok(Json(app.engine.step_log(&actor, DeclarationId(id), seq, query.start.unwrap_or(0)).await?))
}
