//! The server on a socket: what it answers, and how it ends.

use std::time::Duration;

use mycopod_server::{Config, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::server::{ADMIN, Server};

/// Less than the time that draining may take at most: what streams must not make it wait.
const SOON: Duration = Duration::from_secs(8);

async fn said(stream: &mut TcpStream, request: &str, until: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(until) {
        let count = timeout(SOON, stream.read_buf(&mut heard)).await.expect("an answer comes").unwrap();
        assert!(count > 0, "the connection ended after {:?}", String::from_utf8_lossy(&heard));
    }
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn a_request_that_arrives_while_the_server_leaves_is_answered() {
    let server = Server::start().await;
    for notice in [Duration::ZERO, Duration::from_millis(500)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let config = Config { notice, ..Config::default() };
        let serving = tokio::spawn(serve(server.engine.clone(), config, listener, stop.clone()));
        let mut waiting = TcpStream::connect(address).await.unwrap();
        stop.cancel();
        let ready = said(&mut waiting, "GET /readyz HTTP/1.1\r\nHost: mycopod\r\n\r\n", "\"database\"").await;
        assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
        assert!(ready.to_lowercase().contains("connection: close"), "{ready}");
        if !notice.is_zero() {
            let mut late = TcpStream::connect(address).await.unwrap();
            said(&mut late, "GET /ping HTTP/1.1\r\nHost: mycopod\r\n\r\n", "\"pong\"").await;
        }
        timeout(SOON, serving).await.expect("it ends soon").unwrap().unwrap();
    }
}

#[tokio::test]
async fn stopping_ends_streams_and_idle_connections_and_takes_no_new_ones() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(server.engine.clone(), Config::default(), listener, stop.clone()));

    let mut idle = TcpStream::connect(address).await.unwrap();
    let pong = said(&mut idle, "GET /ping HTTP/1.1\r\nHost: mycopod\r\n\r\n", "\"pong\"").await;
    assert!(pong.starts_with("HTTP/1.1 200 OK"), "{pong}");
    let mut events = TcpStream::connect(address).await.unwrap();
    let follow = format!("GET /api/v1/events HTTP/1.1\r\nHost: mycopod\r\nAuthorization: Bearer {token}\r\n\r\n");
    said(&mut events, &follow, "text/event-stream").await;

    stop.cancel();
    timeout(SOON, serving).await.expect("it ends soon").unwrap().unwrap();
    let mut rest = Vec::new();
    timeout(SOON, events.read_to_end(&mut rest)).await.expect("the stream has ended").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
