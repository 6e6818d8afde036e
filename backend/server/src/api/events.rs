//! Live events: the audit log as it grows, and how far language models' answers are, for those whom they concern.
//!
//! What somebody may see is decided when their stream begins, and again with each token, after ten minutes at most.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt, stream};
use mycopod_core::id::UserId;
use mycopod_engine::Progress;
use mycopod_store::StoreError;
use mycopod_store::audit::{self, Hints, Stored};
use serde::Serialize;
use sqlx::PgPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::sleep;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::audit::viewer;
use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Problem, ProblemDetails};

/// Streams at once; each costs a connection and now and then a query.
const MAX_STREAMS: usize = 256;
/// When to come back where there are too many streams, in seconds.
const BUSY_SECONDS: u64 = 10;
/// A comment this often keeps proxies from closing a quiet stream, and tells the client that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How late an event may be where a hint was lost.
const PATIENCE: Duration = Duration::from_secs(1);

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// What an event's data says: an entry of the audit log, in short.
#[derive(Serialize, ToSchema)]
struct AuditEvent {
    /// The entry's number, which is the event's id too.
    seq: u64,
    /// When it happened.
    time: DateTime<Utc>,
    /// What happened, e.g. `step.done`.
    kind: String,
    /// To what.
    subject: String,
    /// The declaration it belongs to.
    declaration: Option<Uuid>,
    /// How it stands since.
    status: String,
}

/// How far a language model's answer about a declaration is. It is told by the replica that reads it alone, and is no entry
/// of the audit log.
#[derive(Serialize, ToSchema)]
struct ProgressEvent {
    /// The declaration that is read.
    declaration: Uuid,
    /// How many characters of the answer have come.
    characters: usize,
}

/// New entries of the audit log as server-sent events, those that concern you, and between them, as `progress`, how far a language
/// model's answer is. With `Last-Event-ID` the stream goes on after
/// that entry, else it begins now. It ends with your token.
#[utoipa::path(get, path = "/api/v1/events", tag = "audit",
    params(("Last-Event-ID" = Option<u64>, Header, description = "The last event that you have")),
    responses(
        (status = OK, body = AuditEvent, content_type = "text/event-stream",
            description = "`event: audit`; `event: progress` has a declaration and the characters of an answer"),
        (status = SERVICE_UNAVAILABLE, body = ProblemDetails, content_type = "application/problem+json",
            description = "There are too many streams")))]
async fn events(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let permit = Arc::clone(&app.tail.streams)
        .try_acquire_owned()
        .map_err(|_| Problem::busy("Too many follow the events at this moment.", BUSY_SECONDS))?;
    let size = audit::head(&mut *app.connection().await?).await?.size();
    let after = match headers.get("last-event-id") {
        // A log that was restored from a backup may be shorter than what somebody saw.
        Some(id) => id.to_str().ok().and_then(|id| id.parse::<u64>().ok()).ok_or_else(no_id)?.min(size),
        None => size,
    };
    let left = (caller.token_expires_at - app.now()).to_std().unwrap_or_default();
    let stop = app.stop.clone();
    let follower = Follower {
        pool: app.engine.pool().clone(),
        news: app.tail.news.subscribe(),
        viewer: viewer(&caller.actor),
        after,
        waiting: VecDeque::new(),
        _permit: permit,
    };
    let progress = progress(app.engine.progress(), viewer(&caller.actor));
    let entries = stream::unfold(follower, Follower::next).filter_map(async |stored| event(&stored));
    let events = stream::select(entries, progress).map(Ok);
    let end = async move {
        tokio::select! { () = stop.cancelled() => {}, () = sleep(left) => {} }
    };
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    Ok(Sse::new(events.take_until(Box::pin(end))).keep_alive(heartbeat))
}

fn no_id() -> Problem {
    Problem::bad_request("invalid_header", "Last-Event-ID is no number of an audit entry.")
}

fn event(stored: &Stored) -> Option<Event> {
    let entry = stored.entry().inspect_err(|error| tracing::error!(%error, "an event was left out")).ok()?;
    let data = AuditEvent {
        seq: entry.seq,
        time: entry.time,
        kind: entry.kind,
        subject: entry.subject,
        declaration: entry.declaration.map(|declaration| declaration.0),
        status: entry.status,
    };
    Event::default().id(entry.seq.to_string()).event("audit").json_data(data).ok()
}

/// The progress that `viewer` may see; of an Admin, whose viewer is nobody, all.
fn progress(told: broadcast::Receiver<Progress>, viewer: Option<UserId>) -> impl Stream<Item = Event> {
    let told = stream::unfold(told, |mut told| async {
        loop {
            match told.recv().await {
                Ok(progress) => return Some((progress, told)),
                // Whoever is slow misses some; the next one says more.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    });
    told.filter_map(move |Progress { declaration, user, characters }| {
        let seen = viewer.is_none_or(|viewer| viewer == user);
        let data = ProgressEvent { declaration: declaration.0, characters };
        let event = seen.then(|| Event::default().event("progress").json_data(data).ok());
        futures::future::ready(event.flatten())
    })
}

/// One client's place in the log.
struct Follower {
    pool: PgPool,
    news: watch::Receiver<u64>,
    viewer: Option<UserId>,
    /// The last entry that was looked at.
    after: u64,
    /// Read and not yet sent; a batch at most.
    waiting: VecDeque<Stored>,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    async fn next(mut self) -> Option<(Stored, Self)> {
        loop {
            if let Some(stored) = self.waiting.pop_front() {
                return Some((stored, self));
            }
            // Seen before the look: what comes in meanwhile wakes it again.
            let size = *self.news.borrow_and_update();
            match self.look().await {
                Ok(batch) if batch.is_empty() => {
                    // Entries up to there were looked at, though others may be theirs.
                    self.after = self.after.max(size);
                    self.news.changed().await.ok()?;
                }
                Ok(batch) => {
                    self.after = batch.last().map_or(self.after, |last| last.seq);
                    self.waiting = batch.into();
                }
                Err(error) => {
                    tracing::debug!(%error, "events wait for the database");
                    sleep(PATIENCE).await;
                }
            }
        }
    }

    async fn look(&self) -> Result<Vec<Stored>, StoreError> {
        audit::after(&mut *self.pool.acquire().await?, self.viewer, self.after).await
    }
}

/// Watches the log's end for all streams of this process.
pub struct Tail {
    /// The log's size, as last seen.
    news: Arc<watch::Sender<u64>>,
    streams: Arc<Semaphore>,
}

impl Tail {
    /// Watches until it is dropped.
    pub fn of(pool: PgPool) -> Self {
        let news = Arc::new(watch::Sender::new(0));
        tokio::spawn(watch_log(pool, Arc::downgrade(&news)));
        Self { news, streams: Arc::new(Semaphore::new(MAX_STREAMS)) }
    }
}

async fn watch_log(pool: PgPool, news: Weak<watch::Sender<u64>>) {
    let mut hints = Hints::listen(&pool).await.ok();
    loop {
        match &mut hints {
            Some(hints) => hints.wait(PATIENCE).await,
            None => sleep(PATIENCE).await,
        }
        let Some(news) = news.upgrade() else { return };
        if news.receiver_count() == 0 {
            continue;
        }
        match size(&pool).await {
            Ok(size) => {
                news.send_if_modified(|known| std::mem::replace(known, size) != size);
            }
            Err(error) => tracing::debug!(%error, "the audit log's end cannot be seen"),
        }
        if hints.is_none() {
            hints = Hints::listen(&pool).await.ok();
        }
    }
}

async fn size(pool: &PgPool) -> Result<u64, StoreError> {
    Ok(audit::head(&mut *pool.acquire().await?).await?.size())
}
