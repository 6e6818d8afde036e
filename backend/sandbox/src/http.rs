//! HTTP as `pveproxy` speaks it: HTTP/1.1 only, messages in the reason phrase, errors close the connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Credentials;
use crate::body::{Dropped, Reply as Body};
use crate::call::Reply;
use crate::failure::{Failure, Outcome};
use crate::fault::Effect;
use crate::schema::Parameters;
use crate::server::{Server, Target};
use crate::upload;

/// Idle connections close after that.
const IDLE: Duration = Duration::from_secs(5);
/// A TLS handshake takes at most that.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// So many requests are answered on one connection.
const REQUESTS: u32 = 100;
/// Bodies are at most so long.
const BODY: usize = 512 * 1024;
/// Of longer ones so much is read to let the client finish.
const DRAINED: usize = 16 * 1024 * 1024;
/// A body arrives within that.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Connections served at once.
const CONNECTIONS: usize = 1_000;
/// What a failed authentication costs, in real seconds.
pub const AUTH_DELAY: f64 = 3.0;

/// Accepts connections until told to stop, then waits for those that are open.
pub async fn serve(listener: TcpListener, acceptor: TlsAcceptor, server: Arc<Server>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let slots = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    loop {
        let slot = tokio::select! {
            () = stop.cancelled() => break,
            slot = slots.clone().acquire_owned() => slot,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (acceptor, server, stop) = (acceptor.clone(), server.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, peer, acceptor, server, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of file descriptors: give the open connections time to end.
                tracing::warn!(%error, "the sandbox cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: TlsAcceptor,
    server: Arc<Server>,
    stop: CancellationToken,
) {
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        tracing::debug!(%peer, "no TLS handshake");
        return;
    };
    let answered = Arc::new(AtomicU32::new(0));
    let service = service_fn(move |request: Request<Incoming>| {
        let (server, answered) = (server.clone(), answered.clone());
        async move {
            let last = answered.fetch_add(1, Ordering::Relaxed) + 1 >= REQUESTS;
            let mut response = answer(&server, request).await?;
            let failed = !response.status().is_success();
            let connection = if last || failed { "close" } else { "Keep-Alive" };
            response.headers_mut().entry(CONNECTION).or_insert(HeaderValue::from_static(connection));
            Ok::<_, Dropped>(response)
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE).title_case_headers(true);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// Answers one request, with the faults that were asked for.
async fn answer(server: &Arc<Server>, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
    let effect = match parse_path(request.uri().path()) {
        Ok((target, _)) => server.hit(request.method().as_str(), &target.segments),
        Err(_) => None,
    };
    match &effect {
        Some(Effect::DropRequest) => return Err(Dropped),
        Some(Effect::Delay { seconds }) => pause(*seconds).await,
        Some(Effect::Answer { status, reason, executed: false }) => return Ok(plain(*status, reason, "")),
        _ => {}
    }
    let response = respond(server, request).await?;
    Ok(match effect {
        Some(Effect::DropReply) => return Err(Dropped),
        Some(Effect::DelayReply { seconds }) => {
            pause(seconds).await;
            response
        }
        Some(Effect::Answer { status, reason, .. }) => plain(status, &reason, ""),
        Some(Effect::Truncate { bytes, quietly }) => response.map(|body| body.cut(bytes, quietly)),
        _ => response,
    })
}

/// Sleeps real seconds, whatever the time scale.
async fn pause(seconds: f64) {
    tokio::time::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default()).await;
}

async fn respond(server: &Arc<Server>, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
    let (head, body) = request.into_parts();
    let verb = head.method.as_str();
    let parsed = parse_path(head.uri.path());
    if let Ok((target, formatter)) = &parsed
        && upload::is_upload(verb, &target.segments)
    {
        return upload(server, &head, body, target, *formatter).await;
    }
    let body = read_body(verb, body).await;
    Ok(match answered(server, &head, body, parsed).await {
        Ok((outcome, formatter)) => render(outcome, formatter),
        Err((status, reason, text)) => plain(status, &reason, &text),
    })
}

/// Carries out a request whose body was read; what is refused before is status, reason and body.
async fn answered(
    server: &Arc<Server>,
    head: &Parts,
    body: Result<Bytes, (u16, String)>,
    parsed: Result<(Target, Formatter), (u16, String)>,
) -> Result<(Outcome<Reply>, Formatter), (u16, String, String)> {
    let verb = head.method.as_str();
    let both = |(status, text): (u16, String)| (status, text.clone(), text);
    if !matches!(verb, "GET" | "POST" | "PUT" | "DELETE") {
        return Err((501, format!("method '{verb}' not available"), String::new()));
    }
    if let Some(encoding) = head.headers.get(TRANSFER_ENCODING) {
        return Err(both((
            501,
            match encoding.to_str().unwrap_or_default() {
                chunked if chunked.eq_ignore_ascii_case("chunked") => {
                    "chunked transfer encoding not supported".to_owned()
                }
                other => format!("Unknown transfer encoding '{other}'"),
            },
        )));
    }
    let (target, formatter) = parsed.map_err(both)?;
    let credentials = credentials(&head.headers);
    if let Some(reason) = server.refuse_caller(verb, &target, &credentials) {
        server.sleep(AUTH_DELAY).await;
        return Err((401, reason, String::new()));
    }
    let body = body.map_err(both)?;
    let query = head.uri.query().unwrap_or_default();
    let parameters = parameters(&head.headers, query, &body).map_err(both)?;
    Ok((server.call(verb.to_owned(), target, credentials, parameters, None).await, formatter))
}

/// Answers an upload; the connection closes with it. One that is no form in parts is hung up on.
async fn upload(
    server: &Arc<Server>,
    head: &Parts,
    body: Incoming,
    target: &Target,
    formatter: Formatter,
) -> Result<Response<Body>, Dropped> {
    let credentials = credentials(&head.headers);
    let read = match upload::boundary(&head.headers) {
        Some(boundary) => upload::read(&boundary, body).await,
        None => return Err(Dropped),
    };
    if let Some(reason) = server.refuse_caller("POST", target, &credentials) {
        server.sleep(AUTH_DELAY).await;
        return Ok(plain(401, &reason, ""));
    }
    let mut response = match read {
        Ok((parameters, file)) => {
            render(server.call("POST".to_owned(), target.clone(), credentials, parameters, Some(file)).await, formatter)
        }
        Err((status, reason)) => plain(status, &reason, ""),
    };
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(response)
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Formatter {
    Json,
    /// Errors are told in the body of a 200.
    Extjs,
    /// As `Extjs`, with its HTML entities encoded.
    Htmljs,
    /// Images, of which there are none.
    Png,
    /// `KEY=VALUE` lines for a viewer.
    Spiceconfig,
}

impl Formatter {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "json" => Self::Json,
            "extjs" => Self::Extjs,
            "htmljs" => Self::Htmljs,
            "png" => Self::Png,
            "spiceconfig" => Self::Spiceconfig,
            _ => return None,
        })
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::Extjs => "application/json;charset=UTF-8",
            Self::Htmljs => "text/html;charset=UTF-8",
            Self::Png => "image/png",
            Self::Spiceconfig => "application/x-virt-viewer;charset=UTF-8",
        }
    }

    /// Whether errors come with status 200.
    fn hides_errors(self) -> bool {
        matches!(self, Self::Extjs | Self::Htmljs)
    }

    fn write(self, body: &Value) -> String {
        match self {
            Self::Json | Self::Extjs => body.to_string(),
            Self::Htmljs => {
                let text = body.to_string();
                text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
            }
            Self::Png => String::new(),
            Self::Spiceconfig => {
                let Some(values) = body["data"].as_object() else { return String::new() };
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let set = values.iter().filter(|(_, value)| !value.is_null());
                let lines = set.map(|(key, value)| format!("{key}={}\n", text(value)));
                format!("[virt-viewer]\n{}", lines.collect::<String>())
            }
        }
    }
}

/// The segments of a path, and the formatter before them.
fn parse_path(path: &str) -> Result<(Target, Formatter), (u16, String)> {
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        segments.push(percent_decode(segment));
    }
    // An encoded slash separates as well, but for volume names, which are put together again.
    let joined = segments.join("/");
    if joined.contains('\n') {
        return Err((501, "no such uri".to_owned()));
    }
    let mut segments: Vec<String> = joined.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    if !joined.starts_with("api2") {
        return Err((500, format!("no such file '{path}'")));
    }
    let name = segments.get(1).cloned().unwrap_or_default();
    let named = name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if segments.first().map(String::as_str) != Some("api2") || !named {
        return Err((501, "no such uri".to_owned()));
    }
    segments.drain(..2);
    match Formatter::parse(&name) {
        Some(formatter) => Ok((Target { segments }, formatter)),
        None => Err((501, format!("no formatter for uri /{}, {name}", segments.join("/")))),
    }
}

/// Decodes `%41`; bytes that are not UTF-8 become replacement characters.
pub fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = code {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn credentials(headers: &HeaderMap) -> Credentials {
    let text = |value: Option<&HeaderValue>| value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Credentials {
        authorization: text(headers.get(AUTHORIZATION)),
        cookie: text(headers.get(COOKIE)),
        csrf: text(headers.get("CSRFPreventionToken")),
    }
}

/// Reads a body to its end even where it is refused: a client that still writes would not hear why.
async fn read_body(verb: &str, body: Incoming) -> Result<Bytes, (u16, String)> {
    match tokio::time::timeout(BODY_TIME, collect(body)).await {
        Ok(Ok((_, length))) if length > BODY => Err((501, "for data too large".to_owned())),
        Ok(Ok((_, length))) if length > 0 && matches!(verb, "GET" | "DELETE") => {
            Err((501, format!("Unexpected content for method '{verb}'")))
        }
        Ok(Ok((bytes, _))) => Ok(bytes),
        Ok(Err(_)) | Err(_) => Err((400, "Bad Request".to_owned())),
    }
}

/// A body's bytes, as many as are wanted, and its length.
async fn collect(mut body: Incoming) -> hyper::Result<(Bytes, usize)> {
    let (mut bytes, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let data = frame?.into_data().unwrap_or_default();
        length += data.len();
        if length <= BODY {
            bytes.extend_from_slice(&data);
        } else if length > DRAINED {
            break;
        }
    }
    Ok((bytes.freeze(), length))
}

/// The parameters of query and body; the query wins.
fn parameters(headers: &HeaderMap, query: &str, body: &[u8]) -> Result<Parameters, (u16, String)> {
    let kind = headers.get(CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or_default());
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let mut parameters = match essence {
        "application/json" if !body.is_empty() => json_parameters(body)?,
        "" | "application/x-www-form-urlencoded" | "application/json" => form(body),
        _ if body.is_empty() => Parameters::new(),
        _ => return Err((506, format!("upload 'Content-Type '{kind}' not implemented"))),
    };
    parameters.extend(form(query.as_bytes()));
    Ok(parameters)
}

/// A form's fields; one that comes again becomes a list.
fn form(bytes: &[u8]) -> Parameters {
    let mut parameters = Parameters::new();
    let text = String::from_utf8_lossy(bytes);
    for pair in text.split(['&', ';']).filter(|pair| !pair.is_empty()) {
        let decode = |text: &str| percent_decode(&text.replace('+', " "));
        // Behind a second equals sign nothing is read; without one the value is undefined.
        let mut parts = pair.split('=');
        let name = parts.next().unwrap_or_default();
        let value = parts.next().map_or(Value::Null, |value| Value::String(decode(value)));
        parameters
            .entry(decode(name))
            .and_modify(|known| match known {
                Value::Array(values) => values.push(value.clone()),
                first => *first = json!([first, value]),
            })
            .or_insert(value);
    }
    parameters
}

fn json_parameters(body: &[u8]) -> Result<Parameters, (u16, String)> {
    let at = "at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line";
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(object)) => Ok(object.into_iter().map(|(name, value)| (name, scalar(value))).collect()),
        Ok(_) => Err((500, format!("Not a HASH reference {at} 957."))),
        Err(_) => Err((
            500,
            format!(
                "malformed JSON string, neither tag, array, object, number, string or atom, at character offset 0 {at} 917."
            ),
        )),
    }
}

/// JSON's scalars as a form would carry them.
fn scalar(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(values) => Value::Array(values.into_iter().map(scalar).collect()),
        other => other,
    }
}

/// The reply of a call.
fn render(outcome: Result<Reply, Failure>, formatter: Formatter) -> Response<Body> {
    let mut body = Map::new();
    let failure = match outcome {
        Ok(reply) => {
            body.insert("data".to_owned(), reply.data);
            if let Some(total) = reply.total.filter(|total| *total > 0) {
                body.insert("total".to_owned(), json!(total));
            }
            if let Some(changes) = reply.changes {
                body.insert("changes".to_owned(), json!(changes));
            }
            if formatter.hides_errors() {
                body.insert("success".to_owned(), json!(1));
            }
            return formatted(200, "OK", formatter, &Value::Object(body));
        }
        Err(failure) => failure,
    };
    let (status, message) = (failure.status(), failure.message());
    if let Failure::Unreachable(reason) = &failure {
        return plain(status, reason, "");
    }
    let reason = message.lines().next().unwrap_or_default().to_owned();
    body.insert("data".to_owned(), Value::Null);
    let newline = if status == 501 { "" } else { "\n" };
    body.insert("message".to_owned(), json!(format!("{message}{newline}")));
    if let Some(errors) = failure.errors() {
        body.insert("errors".to_owned(), json!(errors));
    }
    if formatter.hides_errors() {
        body.insert("success".to_owned(), json!(0));
        body.insert("status".to_owned(), json!(status));
        return formatted(200, "OK", formatter, &Value::Object(body));
    }
    if reason.contains('\r') {
        return plain(400, "Bad Request", "");
    }
    formatted(status, &reason, formatter, &Value::Object(body))
}

fn formatted(status: u16, reason: &str, formatter: Formatter, body: &Value) -> Response<Body> {
    let mut response = plain(status, reason, &formatter.write(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(formatter.content_type()));
    response
}

/// A response with a reason phrase of its own.
fn plain(status: u16, reason: &str, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::from(body.to_owned())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let cleaned: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Ok(reason) = ReasonPhrase::try_from(cleaned) {
        response.extensions_mut().insert(reason);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_field_becomes_a_list() {
        let parameters = form(b"comment=one&comment=two&x=a%20b+c");
        assert_eq!(parameters["comment"], json!(["one", "two"]));
        assert_eq!(parameters["x"], json!("a b c"));
    }

    #[test]
    fn the_query_wins_over_the_body() {
        let parameters = parameters(&HeaderMap::new(), "comment=query", b"comment=body").unwrap();
        assert_eq!(parameters["comment"], json!("query"));
    }

    #[test]
    fn json_numbers_become_text() {
        let parameters = json_parameters(br#"{"onboot":true,"cores":2,"cpulimit":1.5,"memory":null}"#).unwrap();
        assert_eq!(parameters["onboot"], json!(true));
        assert_eq!(parameters["cores"], json!("2"));
        assert_eq!(parameters["cpulimit"], json!("1.5"));
        assert_eq!(parameters["memory"], Value::Null);
    }

    #[test]
    fn broken_escapes_are_kept_as_they_are() {
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%41"), "%zzA");
        assert_eq!(percent_decode("%ff"), "\u{fffd}");
    }

    #[test]
    fn a_carriage_return_in_the_message_gives_a_bare_400() {
        let response = render(Err(Failure::failed("unknown key\r")), Formatter::Json);
        assert_eq!(response.status(), 400);
    }
}
