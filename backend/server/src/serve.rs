//! Connections: bounded in number, in the time of their heads, and drained at the end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use mycopod_engine::Engine;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::app::App;
use crate::{Config, metrics};

/// Connections at once: well below the usual bound of 1,024 open files of a process, with room for the database's.
const MAX_CONNECTIONS: usize = 768;
/// A client that needs longer for a request's head, or says nothing on an open connection, goes.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests under way may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// New connections get this to say what they want before idle ones are closed.
const SETTLE: Duration = Duration::from_millis(250);
/// After a failure to accept (no file descriptors left), before the next.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Serves until `leave`; then for [`Config::notice`] longer, in which `/readyz` says so and connections are not kept, and
/// then lets the requests under way end, for 10 s at most. No request that arrived is lost. Errors of single
/// connections are theirs alone.
pub async fn serve(engine: Engine, config: Config, listener: TcpListener, leave: CancellationToken) -> io::Result<()> {
    let (notice, stop) = (config.notice, CancellationToken::new());
    let app = App::new(engine, config, leave.clone(), stop.clone());
    let upkeep = tokio::spawn(metrics::upkeep(app.metrics.clone()));
    let router = app.router();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let accept = async || {
        let permit = Arc::clone(&room).acquire_owned().await;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return (stream, peer, permit),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    };
    let take = |(stream, peer, permit)| {
        let connection = graceful.watch(connection(stream, peer, router.clone(), leave.clone()));
        tokio::spawn(async move {
            let _permit: Result<OwnedSemaphorePermit, AcquireError> = permit;
            if let Err(error) = connection.await {
                tracing::debug!(%error, %peer, "a connection broke off");
            }
        });
    };
    let end = async {
        leave.cancelled().await;
        sleep(notice).await;
    };
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => break,
            accepted = accept() => take(accepted),
        }
    }
    // What the system has accepted already was sent to us, and would be refused with its request in it.
    while let Ok(accepted) = timeout(Duration::ZERO, accept()).await {
        take(accepted);
    }
    drop(listener);
    sleep(SETTLE).await;
    stop.cancel();
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were broken off");
    }
    upkeep.abort();
    Ok(())
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: axum::Router,
    leave: CancellationToken,
) -> http1::Connection<
    TokioIo<TcpStream>,
    impl hyper::service::Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible, Future: Send>,
> {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, leave) = (router.clone().oneshot(request), leave.clone());
        async move {
            let mut response = answer.await?;
            if leave.is_cancelled() {
                // The next request had better go to another replica.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    });
    // Events are small and must not wait for more; where the socket is gone already, the first write says so.
    let _ = stream.set_nodelay(true);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
}
