//! The audit log, for those it concerns and for those who check it.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use futures::{Stream, TryStreamExt, stream};
use mycopod_core::audit::exported;
use mycopod_core::id::{DeclarationId, UserId};
use mycopod_engine::Actor;
use mycopod_engine::view::Verification;
use mycopod_store::StoreError;
use mycopod_store::audit::{self, Stored};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::caller::{Admin, Caller};
use crate::extract::{QueryParams, page_limit};
use crate::problem::Problem;

/// How many entries a page has where nobody says.
const PAGE: u32 = 100;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(checkpoint))
        .routes(routes!(verify))
        .routes(routes!(export))
}

/// Whose view of the log it is: `None` sees all.
pub fn viewer(actor: &Actor) -> Option<UserId> {
    (!actor.is_admin()).then_some(actor.id)
}

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
struct AuditEntry {
    /// Its number, from 1.
    seq: u64,
    /// When it happened.
    time: DateTime<Utc>,
    /// Who did it.
    actor: AuditActor,
    /// What happened, e.g. `plan.approved`.
    kind: String,
    /// To what; in entries of accounts, the user's id.
    subject: String,
    /// How it stands since.
    status: String,
    /// The declaration it belongs to.
    declaration: Option<Uuid>,
    /// What else there is to say.
    details: Value,
    /// Its leaf's hash in the Merkle tree, 64 hexadecimal digits.
    hash: String,
}

/// Who did what an entry tells of.
#[derive(Serialize, ToSchema)]
struct AuditActor {
    /// `user` or `system`.
    kind: &'static str,
    /// The user's id.
    id: Option<Uuid>,
    /// The user's address then.
    email: Option<String>,
}

impl AuditEntry {
    fn of(stored: &Stored) -> Result<Self, StoreError> {
        let entry = stored.entry()?;
        let actor = match entry.actor {
            audit::Actor::User { id, email } => AuditActor { kind: "user", id: Some(id.0), email: Some(email) },
            audit::Actor::System => AuditActor { kind: "system", id: None, email: None },
        };
        Ok(Self {
            seq: entry.seq,
            time: entry.time,
            actor,
            kind: entry.kind,
            subject: entry.subject,
            status: entry.status,
            declaration: entry.declaration.map(|declaration| declaration.0),
            details: entry.details,
            hash: stored.hash.to_string(),
        })
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// How many at most; never more than 200 are given.
    #[param(minimum = 1, default = 100)]
    limit: Option<u32>,
    /// Only those before this number: the last `seq` of the page before.
    before: Option<u64>,
    /// Only those of this declaration.
    declaration: Option<Uuid>,
}

/// The entries that concern you, for an Admin all, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(ListQuery),
    responses((status = OK, body = Vec<AuditEntry>)))]
async fn list(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Vec<AuditEntry>>, Problem> {
    let limit = page_limit(query.limit, PAGE)?;
    let mut connection = app.connection().await?;
    let declaration = query.declaration.map(DeclarationId);
    let entries = audit::list(&mut connection, viewer(&actor), declaration, query.before, limit).await?;
    Ok(Json(entries.iter().map(AuditEntry::of).collect::<Result<_, _>>()?))
}

/// A signed statement of the log's size and root. Kept by somebody else, it shows any later change of what was
/// before it.
#[derive(Serialize, ToSchema)]
struct SignedCheckpoint {
    /// Which log: the installation's name.
    origin: String,
    /// Number of entries.
    size: u64,
    /// Root over them (RFC 6962), 64 hexadecimal digits.
    root: String,
    /// When it was signed.
    time: String,
    /// The key's first 16 hexadecimal digits of SHA-256, to compare by eye.
    key_id: String,
    /// The Ed25519 public key, hexadecimal.
    public_key: String,
    /// The Ed25519 signature over `note`, hexadecimal.
    signature: String,
    /// The signed text: origin, size, root and time, a line each.
    note: String,
}

/// Signs the log as it stands.
#[utoipa::path(get, path = "/api/v1/audit/checkpoint", tag = "audit",
    responses((status = OK, body = SignedCheckpoint)))]
async fn checkpoint(State(app): State<App>, _: Caller) -> Result<Json<SignedCheckpoint>, Problem> {
    let checkpoint = app.engine.checkpoint().await?;
    let note = checkpoint.body();
    let key_hash = Sha256::digest(checkpoint.public_key.as_bytes());
    Ok(Json(SignedCheckpoint {
        origin: checkpoint.origin,
        size: checkpoint.size,
        root: checkpoint.root.to_string(),
        time: checkpoint.time,
        key_id: hex::encode(&key_hash[..8]),
        public_key: checkpoint.public_key,
        signature: checkpoint.signature,
        note,
    }))
}

/// Computes the whole log anew: whether it is as it was written, and else the first entry that is not.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit", responses((status = OK, body = Verification)))]
async fn verify(State(app): State<App>, _: Caller) -> Result<Json<Verification>, Problem> {
    // One at a time: it reads everything.
    let _turn = app.verifying.lock().await;
    Ok(Json(app.engine.verify_audit().await?))
}

/// The whole log as JSON lines, for an Admin: each entry as it was hashed, and its hash. `mycopod audit verify --export` checks them.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit",
    responses((status = OK, body = String, content_type = "application/jsonl")))]
async fn export(State(app): State<App>, _: Admin) -> impl IntoResponse {
    let headers =
        [(CONTENT_TYPE, "application/jsonl"), (CONTENT_DISPOSITION, "attachment; filename=\"mycopod-audit.jsonl\"")];
    let batches = batches(app.engine.pool().clone())
        .inspect_err(|error| tracing::error!(%error, "an export of the audit log broke off"));
    (headers, Body::from_stream(batches))
}

/// The log's lines, a batch at a time; no connection is held while the client reads.
fn batches(pool: PgPool) -> impl Stream<Item = Result<String, StoreError>> {
    stream::try_unfold((pool, 0), async |(pool, seq)| {
        let entries = audit::after(&mut *pool.acquire().await?, None, seq).await?;
        let Some(last) = entries.last().map(|entry| entry.seq) else { return Ok(None) };
        let lines = entries.iter().map(|entry| exported(&entry.text, &entry.hash) + "\n").collect();
        Ok(Some((lines, (pool, last))))
    })
}
