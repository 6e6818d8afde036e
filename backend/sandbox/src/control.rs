//! The control endpoints: faults and changes by hand, over plain HTTP and JSON on a loopback address.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// Bodies are at most so long.
const BODY: usize = 256 * 1024;

/// An answer that is no success: its status and what is wrong.
type Refusal = (StatusCode, String);

/// Accepts connections until told to stop.
pub async fn serve(listener: TcpListener, server: Arc<Server>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors: give the open connections time to end.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let (server, stop) = (server.clone(), stop.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let server = server.clone();
                async move { Ok::<_, std::convert::Infallible>(answer(server, request).await) }
            });
            let mut builder = hyper::server::conn::http1::Builder::new();
            let connection = builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            // Nothing that was begun here is worth waiting for.
            tokio::select! {
                () = stop.cancelled() => {}
                _ = connection => {}
            }
        });
    }
}

async fn answer(server: Arc<Server>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, body) = match respond(server, request).await {
        Ok(data) => (StatusCode::OK, json!({ "data": data })),
        Err((status, problem)) => (status, json!({ "error": problem })),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string() + "\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn respond(server: Arc<Server>, request: Request<Incoming>) -> Result<Value, Refusal> {
    let (head, body) = request.into_parts();
    ensure_local(&head.headers)?;
    let body = Limited::new(body, BODY).collect().await;
    let body = body.map_err(|_| (StatusCode::PAYLOAD_TOO_LARGE, format!("a body is at most {BODY} bytes long")))?;
    let body = body.to_bytes();
    let work = move || dispatch(&server, &head.method, head.uri.path(), head.uri.query(), &body);
    // Changes are kept on disk, which blocks.
    let failed = |_| (StatusCode::INTERNAL_SERVER_ERROR, "the sandbox failed to carry this out".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

fn dispatch(server: &Server, method: &Method, path: &str, query: Option<&str>, body: &[u8]) -> Result<Value, Refusal> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let conflict = |problem: String| (StatusCode::CONFLICT, problem);
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["faults"]) => Ok(json!(server.faults())),
        ("POST", ["faults"]) => {
            let seconds = seconds(query)?;
            let fault: crate::Fault = parse(body)?;
            fault.check().map_err(|problem| (StatusCode::BAD_REQUEST, problem))?;
            server.inject(fault, seconds).map(|id| json!(id)).map_err(conflict)
        }
        ("DELETE", ["faults"]) => Ok(json!(server.clear_faults(None).map_err(conflict)?)),
        ("DELETE", ["faults", id]) => {
            let missing = || (StatusCode::NOT_FOUND, format!("there is no fault {id}"));
            let id = id.parse().map_err(|_| missing())?;
            match server.clear_faults(Some(id)).map_err(conflict)? {
                0 => Err(missing()),
                cleared => Ok(json!(cleared)),
            }
        }
        ("POST", ["by-hand"]) => server.by_hand(&parse(body)?).map(|()| Value::Null).map_err(conflict),
        _ => Err((
            StatusCode::NOT_FOUND,
            "there are GET, POST and DELETE /faults, DELETE /faults/ID and POST /by-hand".to_owned(),
        )),
    }
}

/// Refuses what a web page that somebody looks at on this machine could send.
fn ensure_local(headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let local = name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    if local && !headers.contains_key(ORIGIN) {
        return Ok(());
    }
    Err((StatusCode::FORBIDDEN, "the sandbox's faults are asked for on its own machine, by no web page".to_owned()))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, format!("this is not understood: {error}")))
}

/// The `seconds` of a query.
fn seconds(query: Option<&str>) -> Result<Option<f64>, Refusal> {
    let mut seconds = None;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let value = pair.strip_prefix("seconds=").and_then(|value| value.parse().ok());
        seconds = Some(value.ok_or((StatusCode::BAD_REQUEST, "a query is ?seconds=NUMBER".to_owned()))?);
    }
    Ok(seconds)
}
