//! What all handlers share.

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use chrono::{DateTime, TimeDelta, Utc};
use metrics_exporter_prometheus::PrometheusHandle;
use mycopod_engine::Engine;
use sqlx::pool::PoolConnection;
use sqlx::{Postgres, Transaction};
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::api::events::Tail;
use crate::extract::MAX_BODY;
use crate::pace::Pace;
use crate::password::Hasher;
use crate::problem::Problem;
use crate::token::Tokens;
use crate::{Config, guard, metrics, openapi, ui};

/// Requests at once; more wait for nothing but memory.
const MAX_REQUESTS: usize = 512;

/// Nobody types faster than a pause after every few letters.
const READING_EACH: TimeDelta = TimeDelta::milliseconds(200);
/// For two windows and a paste.
const READINGS_AT_ONCE: i32 = 20;

/// A look at a cluster takes about that long.
const DRY_PLAN_EACH: TimeDelta = TimeDelta::seconds(1);
/// For as many clusters as anybody has.
const DRY_PLANS_AT_ONCE: i32 = 20;

/// The state of the handlers. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What the clones of [`App`] share.
pub struct Shared {
    pub engine: Engine,
    pub config: Config,
    pub tokens: Tokens,
    pub hasher: Hasher,
    pub tail: Tail,
    pub metrics: PrometheusHandle,
    pub requests: Semaphore,
    /// How often somebody may have a text read that they do not declare.
    pub readings: Pace,
    /// How often somebody may have something planned that they do not declare.
    pub dry_plans: Pace,
    /// Held while the audit log is verified.
    pub verifying: Mutex<()>,
    /// Cancelled when the server is told to stop: it answers for a while still, and wants no new requests.
    pub leaving: CancellationToken,
    /// Cancelled when the server stops: what waits or streams ends then.
    pub stop: CancellationToken,
}

impl Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// An app that says at `leaving` that it is not ready, and whose streams end at `stop`.
    pub fn new(engine: Engine, config: Config, leaving: CancellationToken, stop: CancellationToken) -> Self {
        Self(Arc::new(Shared {
            tokens: Tokens::new(&engine.keys().jwt),
            hasher: Hasher::new(),
            tail: Tail::of(engine.pool().clone()),
            metrics: metrics::recorder(),
            requests: Semaphore::new(MAX_REQUESTS),
            readings: Pace::new(READING_EACH, READINGS_AT_ONCE),
            dry_plans: Pace::new(DRY_PLAN_EACH, DRY_PLANS_AT_ONCE),
            verifying: Mutex::new(()),
            engine,
            config,
            leaving,
            stop,
        }))
    }

    /// All routes, within all guards.
    pub fn router(self) -> Router {
        let (api, document) = openapi::routes().split_for_parts();
        api.merge(openapi::pages(document))
            .fallback(ui::serve)
            .method_not_allowed_fallback(guard::method_not_allowed)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(from_fn_with_state(self.clone(), guard::bounded))
            .layer(CatchPanicLayer::custom(guard::panicked))
            .layer(CompressionLayer::new())
            .layer(from_fn(metrics::measured))
            .layer(guard::cors(&self.config))
            .layer(map_response(guard::secured))
            .with_state(self)
    }

    /// The present.
    pub fn now(&self) -> DateTime<Utc> {
        self.engine.clock().now()
    }

    /// A database connection; never a second one while it is held.
    pub async fn connection(&self) -> Result<PoolConnection<Postgres>, Problem> {
        Ok(self.engine.pool().acquire().await?)
    }

    /// A transaction on a connection of its own.
    pub async fn transaction(&self) -> Result<Transaction<'static, Postgres>, Problem> {
        Ok(self.engine.pool().begin().await?)
    }
}
