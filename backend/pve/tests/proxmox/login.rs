//! Logging in, staying so, and being refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{
    HandClock, Reply, SECRET, Server, ca, client, identity, ok, password, serve, start, tells_nothing, timed_client,
    token,
};
use chrono::TimeDelta;
use mycopod_core::ports::{CallError, Submitted};
use mycopod_pve::Pve;

#[tokio::test]
async fn a_spent_ticket_is_renewed_once_and_the_call_sent_again() {
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], |n, request| async move {
        match (request.line.contains("/access/ticket"), n) {
            (true, n) => ok(&format!(r#"{{"ticket":"PVE:t{n}","CSRFPreventionToken":"c{n}"}}"#)),
            (false, 1) => Reply::Full("401 permission denied - invalid PVE ticket", String::new()),
            (false, _) => ok("null"),
        }
    });
    let server = server.await;
    let pve = client(&server.url, password(), ca(&identity));
    assert_eq!(start(&pve).await, Ok(Submitted::Done));
    assert_eq!(start(&pve).await, Ok(Submitted::Done));
    let received = server.received();
    let lines: Vec<_> = received.iter().map(|request| request.line.contains("ticket")).collect();
    assert_eq!(lines, [true, false, true, false, false]);
    assert!(received[3].headers.contains(&"cookie: PVEAuthCookie=PVE:t2".to_owned()));
    assert!(received[3].headers.contains(&"csrfpreventiontoken: c2".to_owned()));
}

#[tokio::test]
async fn a_lost_log_in_sent_no_call() {
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], |_, _| async { Reply::HangUp }).await;
    let error = start(&client(&server.url, password(), ca(&identity))).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)), "{error}");
    tells_nothing(&error);
}

#[tokio::test]
async fn a_no_without_a_body_has_the_reason_phrase() {
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], |_, _| async {
        Reply::Full("401 no such token 'lab' for user 'root@pam'", String::new())
    });
    let error = start(&client(&server.await.url, token(), ca(&identity))).await.unwrap_err();
    let reason = "no such token 'lab' for user 'root@pam'".to_owned();
    assert_eq!(error, CallError::Rejected { status: 401, reason });
}

/// A server that gives tickets as long as it is told to, and a client with a clock.
async fn with_tickets(reply: fn(usize, &str) -> Reply) -> (Server, Pve, Arc<HandClock>) {
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], move |n, request| {
        let is_log_in = request.line.contains("/access/ticket");
        async move { if is_log_in { reply(n, &request.body) } else { ok("null") } }
    });
    let server = server.await;
    let clock = Arc::new(HandClock::default());
    let pve = timed_client(&server.url, password(), ca(&identity), clock.clone());
    (server, pve, clock)
}

/// What was given as the password of each log-in.
fn passwords(server: &Server) -> Vec<String> {
    let of = |body: &str| body.split('&').find_map(|part| Some(part.strip_prefix("password=")?.to_owned()));
    server.received().iter().filter_map(|request| of(&request.body)).collect()
}

#[tokio::test]
async fn a_ticket_is_renewed_by_itself_while_it_holds_and_by_password_when_it_does_not() {
    let (server, pve, clock) = with_tickets(|n, body| {
        if body.contains("PVE%3At3") {
            return Reply::Full("401 authentication failure", r#"{"data":null}"#.to_owned());
        }
        ok(&format!(r#"{{"ticket":"PVE:t{n}","CSRFPreventionToken":"c{n}"}}"#))
    })
    .await;
    // Within the first hour, after it, after it with a ticket that is no longer taken, and after a long rest.
    for minutes in [0, 50, 20, 61, 200] {
        clock.forward(TimeDelta::minutes(minutes));
        assert_eq!(start(&pve).await, Ok(Submitted::Done));
    }
    assert_eq!(passwords(&server), [SECRET, "PVE%3At0", "PVE%3At3", SECRET, SECRET].map(str::to_owned));
    let last = server.received().pop().unwrap();
    assert!(last.headers.iter().any(|header| header.starts_with("csrfpreventiontoken: c")), "{last:?}");
}

#[tokio::test]
async fn a_refused_log_in_is_not_tried_with_every_call() {
    let (server, pve, clock) =
        with_tickets(|_, _| Reply::Full("401 authentication failure", r#"{"data":null}"#.to_owned())).await;
    let refused = |end| matches!(end, Err(CallError::Rejected { status: 401, .. }));
    let ends = futures::future::join_all((0..6).map(|_| start(&pve))).await;
    assert!(ends.into_iter().all(refused));
    assert_eq!(passwords(&server).len(), 1);
    // The second wait is twice the first.
    for (seconds, log_ins) in [(4, 1), (2, 2), (6, 2), (5, 3)] {
        clock.forward(TimeDelta::seconds(seconds));
        assert!(refused(start(&pve).await));
        assert_eq!(passwords(&server).len(), log_ins, "after {seconds} s more");
    }
}

#[tokio::test]
async fn a_refused_token_is_not_tried_with_every_call_and_serves_again_when_it_is_known() {
    static KNOWN: AtomicBool = AtomicBool::new(false);
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], |_, _| async {
        if KNOWN.load(Ordering::SeqCst) {
            ok("null")
        } else {
            Reply::Full("401 no such token 'lab' for user 'root@pam'", String::new())
        }
    });
    let server = server.await;
    let clock = Arc::new(HandClock::default());
    let pve = timed_client(&server.url, token(), ca(&identity), clock.clone());
    for _ in 0..3 {
        assert!(matches!(start(&pve).await, Err(CallError::Rejected { status: 401, .. })));
    }
    assert_eq!(server.received().len(), 1);
    KNOWN.store(true, Ordering::SeqCst);
    clock.forward(TimeDelta::seconds(6));
    for _ in 0..3 {
        assert_eq!(start(&pve).await, Ok(Submitted::Done));
    }
}
