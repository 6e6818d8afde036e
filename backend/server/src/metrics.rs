//! Prometheus metrics: how many requests, and how long they took. Labels are bounded: a request counts by its
//! route's template, never by its path.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::time::{Instant, interval};

const REQUESTS: &str = "mycopod_http_requests_total";
const SECONDS: &str = "mycopod_http_request_seconds";
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
            handle
        })
        .clone()
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
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
