//! Prometheus metrics: how many requests and how long they took, which steps ended how, and how things stand. Labels are
//! bounded: a request counts by its route's template, never by its path.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use mycopod_core::status::DeclarationStatus;
use mycopod_engine::{Engine, STEPS_METRIC};
use mycopod_store::{StoreError, audit, declarations, drift};
use tokio::time::{Instant, interval};

const REQUESTS: &str = "mycopod_http_requests_total";
const SECONDS: &str = "mycopod_http_request_seconds";
/// Whether a part that MycoPod depends on answers, 1 or 0.
const UP: &str = "mycopod_up";
/// The same of each cluster.
const CLUSTER_UP: &str = "mycopod_cluster_up";
const DECLARATIONS: &str = "mycopod_declarations";
const DRIFTED: &str = "mycopod_drifted_fields";
const AUDIT_ENTRIES: &str = "mycopod_audit_entries_total";
/// From an answer out of memory to the longest `?wait=`.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
/// How often histograms are summed up, so that they do not grow where nobody reads them.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder that all of the process's metrics go to; installed once.
pub fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets(&BUCKETS)
                .unwrap_or_else(|_| PrometheusBuilder::new())
                .build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed; /metrics stays empty");
            }
            describe_counter!(REQUESTS, "HTTP requests by method, route and status.");
            describe_histogram!(SECONDS, "Seconds until the answer's head, by method and route.");
            describe_counter!(STEPS_METRIC, "Steps that this process saw end, by action and state.");
            describe_gauge!(UP, "Whether the database and Proxmox answer.");
            describe_gauge!(CLUSTER_UP, "Whether each cluster answers.");
            describe_gauge!(DECLARATIONS, "Declarations by status.");
            describe_gauge!(DRIFTED, "Declared fields that are not as declared.");
            describe_counter!(AUDIT_ENTRIES, "Entries of the audit log.");
            handle
        })
        .clone()
}

/// Measures how things stand, for whoever asks now. Where the database does not answer, all but that stays as it was.
pub async fn look(engine: &Engine) {
    let readiness = engine.readiness().await;
    for (part, ok) in [("database", readiness.database.ok), ("proxmox", readiness.proxmox.ok)] {
        gauge!(UP, "part" => part).set(u8::from(ok));
    }
    for cluster in &readiness.clusters {
        gauge!(CLUSTER_UP, "cluster" => cluster.cluster.clone()).set(u8::from(cluster.ok));
    }
    if !readiness.database.ok {
        return;
    }
    if let Err(error) = count(engine).await {
        tracing::debug!(%error, "the metrics stay as they were");
    }
}

async fn count(engine: &Engine) -> Result<(), StoreError> {
    let mut connection = engine.pool().acquire().await?;
    let counts = declarations::count_by_status(&mut connection).await?;
    for status in DeclarationStatus::ALL {
        let count = counts.iter().find(|(counted, _)| counted == status).map_or(0, |(_, count)| *count);
        gauge!(DECLARATIONS, "status" => status.as_str()).set(approximately(count));
    }
    let drifted = drift::list(&mut connection).await?.len();
    gauge!(DRIFTED).set(approximately(u64::try_from(drifted).unwrap_or(u64::MAX)));
    counter!(AUDIT_ENTRIES).absolute(audit::head(&mut connection).await?.size());
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows floating-point numbers only")]
fn approximately(count: u64) -> f64 {
    count as f64
}

/// Sums histograms up for ever.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut interval = interval(UPKEEP);
    loop {
        interval.tick().await;
        handle.run_upkeep();
    }
}

/// Counts and times a request.
pub async fn measured(request: Request, next: Next) -> Response {
    let method = known(request.method());
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let begun = Instant::now();
    let response = next.run(request).await;
    histogram!(SECONDS, "method" => method, "route" => route.clone()).record(begun.elapsed().as_secs_f64());
    counter!(REQUESTS, "method" => method, "route" => route, "status" => response.status().as_u16().to_string())
        .increment(1);
    response
}

/// A method may be any word that a client makes up.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
