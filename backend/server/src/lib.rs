//! MycoPod's surface: the HTTP API, its sessions, the live events and the embedded user interface.
//!
//! A resource of the API is a file under `api`: its handlers, what they take and give, and their
//! documentation, from which the OpenAPI document is made. What somebody may do is decided for
//! each request by their account as it stands in the database, never by what their token says.
//! The engine decides everything about declarations.

mod api;
mod app;
mod caller;
mod extract;
mod guard;
mod metrics;
mod openapi;
mod pace;
mod password;
mod problem;
mod reference;
mod serve;
mod throttle;
mod token;
mod ui;

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use mycopod_engine::Engine;
use tokio_util::sync::CancellationToken;

pub use crate::api::users::{FirstAdmin, create_first_admin};
pub use crate::openapi::openapi_json;
pub use crate::problem::Problem;
pub use crate::reference::api_markdown;
pub use crate::serve::serve;

/// What can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Origins, besides its own, whose pages may use the API from a browser, e.g. `http://localhost:3000`.
    pub cors_origins: Vec<String>,
    /// Whether people beyond this machine may log in over plain HTTP.
    pub allow_plain_http: bool,
    /// Proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The product's version.
    pub version: String,
    /// How long the server goes on answering after it was told to stop, while `/readyz` says that it leaves.
    pub notice: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            allow_plain_http: false,
            trusted_proxies: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            notice: Duration::ZERO,
        }
    }
}

/// The whole surface as one service, within a Tokio runtime. [`serve()`] adds the connections.
pub fn router(engine: Engine, config: &Config) -> Router {
    app::App::new(engine, config.clone(), CancellationToken::new(), CancellationToken::new()).router()
}
