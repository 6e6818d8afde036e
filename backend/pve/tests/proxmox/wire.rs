//! What happens on the wire, against a server that misbehaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{Identity, Reply, SECRET, Server, client, identity, seen, serve, step, token};
use mycopod_core::guest::Kind;
use mycopod_core::plan::Action;
use mycopod_core::ports::{CallError, Hypervisor, Submitted, TaskState};
use mycopod_pve::{Credential, Pve, Trust};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

const UPID: &str = "UPID:pve1:00004D8A:000433A9:6B037920:qmstart:100:root@pam!lab:";

fn ca(identity: &Identity) -> Trust {
    Trust::CaFile(identity.ca_pem.clone().into_bytes())
}

fn pin(bytes: &[u8]) -> Trust {
    let digits: Vec<_> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect();
    Trust::Pin(digits.join(":").parse().unwrap())
}

fn ok(data: &str) -> Reply {
    Reply::Full("200 OK", format!(r#"{{"data":{data}}}"#))
}

async fn start(pve: &Pve) -> Result<Submitted, CallError> {
    pve.submit(&step(Kind::Qemu, 100, "pve1", "web-1", Action::Start), &seen()).await
}

async fn task(pve: &Pve) -> Result<TaskState, CallError> {
    pve.task(&UPID.parse().unwrap()).await
}

#[track_caller]
fn tells_nothing(error: &CallError) {
    let text = format!("{error} {error:?}");
    assert!(!text.contains(SECRET) && !text.contains("PVEAPIToken"), "{text}");
}

/// A server that answers every request in the same way, and a client that trusts it.
async fn with_reply(reply: fn() -> Reply) -> (Server, Pve) {
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], move |_, _| async move { reply() }).await;
    let pve = client(&server.url, token(), ca(&identity));
    (server, pve)
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = start(&client(&url, token(), Trust::System)).await.unwrap_err();
    assert!(matches!(&error, CallError::NotSent(why) if why.contains("refused")), "{error}");
    tells_nothing(&error);
}

#[tokio::test]
async fn a_lost_answer_may_have_been_carried_out_and_is_not_sent_again() {
    let (server, pve) = with_reply(|| Reply::HangUp).await;
    let error = start(&pve).await.unwrap_err();
    assert!(matches!(error, CallError::MaybeSent(_)), "{error}");
    tells_nothing(&error);
    assert_eq!((server.received().len(), pve.calls()), (1, 1));
}

#[tokio::test]
async fn a_truncated_answer_may_have_been_carried_out() {
    let (server, pve) = with_reply(|| Reply::Truncated(r#"{"data":"UPID:"#)).await;
    let error = start(&pve).await.unwrap_err();
    assert!(matches!(error, CallError::MaybeSent(_)), "{error}");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn proxys_statuses_say_whether_a_call_went_through() {
    let (_server, pve) = with_reply(|| Reply::Full("595 Connection refused", String::new())).await;
    assert!(matches!(start(&pve).await, Err(CallError::NotSent(_))));
    for reply in [
        || Reply::Full("596 Broken pipe", String::new()),
        || Reply::Full("599 Too many redirections", String::new()),
        || Reply::Full("502 Bad Gateway", "<html>".to_owned()),
    ] {
        let (server, pve) = with_reply(reply).await;
        assert!(matches!(start(&pve).await, Err(CallError::MaybeSent(_))));
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn a_read_whose_answer_got_lost_is_tried_again_within_bounds() {
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], |n, _| async move {
        if n < 2 { Reply::HangUp } else { ok(r#"{"status":"stopped","exitstatus":"WARNINGS: 2"}"#) }
    });
    let server = server.await;
    let pve = client(&server.url, token(), ca(&identity));
    assert_eq!(task(&pve).await, Ok(TaskState::Ok { warnings: 2 }));
    let (server, pve) = with_reply(|| Reply::HangUp).await;
    assert!(task(&pve).await.is_err());
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn a_no_without_a_body_has_the_reason_phrase() {
    let (_server, pve) = with_reply(|| Reply::Full("401 no such token 'lab' for user 'root@pam'", String::new())).await;
    let error = start(&pve).await.unwrap_err();
    let reason = "no such token 'lab' for user 'root@pam'".to_owned();
    assert_eq!(error, CallError::Rejected { status: 401, reason });
}

#[tokio::test]
async fn null_is_done_and_a_task_is_a_task() {
    let (_server, pve) = with_reply(|| ok("null")).await;
    assert_eq!(start(&pve).await, Ok(Submitted::Done));
    let (server, pve) = with_reply(|| Reply::Full("200 OK", format!(r#"{{"data":"{UPID}"}}"#))).await;
    assert_eq!(start(&pve).await, Ok(Submitted::Task(UPID.parse().unwrap())));
    let request = &server.received()[0];
    assert_eq!(request.line, "POST /api2/json/nodes/pve1/qemu/100/status/start HTTP/1.1");
    assert!(request.headers.contains(&format!("authorization: PVEAPIToken=root@pam!lab={SECRET}")));
    let (_server, pve) = with_reply(|| ok(r#""UPID:nonsense""#)).await;
    assert!(matches!(start(&pve).await, Err(CallError::MaybeSent(_))), "it was taken, but cannot be followed");
}

#[tokio::test]
async fn parameters_go_as_a_form_or_for_delete_in_the_address() {
    let (server, pve) = with_reply(|| ok("null")).await;
    for action in [Action::Shutdown { seconds: 180 }, Action::Delete] {
        assert!(pve.submit(&step(Kind::Qemu, 100, "pve1", "web-1", action), &seen()).await.is_ok());
    }
    let received = server.received();
    assert_eq!(received[0].body, "forceStop=0&timeout=180");
    let (line, body) = (&received[1].line, &received[1].body);
    let address = "/api2/json/nodes/pve1/qemu/100?destroy-unreferenced-disks=0&purge=1";
    assert_eq!((line.as_str(), body.as_str()), (&*format!("DELETE {address} HTTP/1.1"), ""));
}

#[tokio::test]
async fn the_servers_certificate_or_key_can_be_pinned() {
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], |_, _| async { ok("null") }).await;
    for pinned in [&identity.leaf[..], &identity.leaf_spki] {
        assert_eq!(start(&client(&server.url, token(), pin(pinned))).await, Ok(Submitted::Done));
    }
    let error = start(&client(&server.url, token(), pin(b"another"))).await.unwrap_err();
    assert!(matches!(&error, CallError::NotSent(why) if why.contains("does not fit the pin")), "{error}");
    assert_eq!(server.received().len(), 2, "the token never went to a stranger");
}

#[tokio::test]
async fn a_pinned_authority_must_have_signed_the_servers_certificate() {
    let (ours, stranger) = (identity(), identity());
    let server = serve(&ours, vec![ours.leaf.clone(), ours.ca.clone()], |_, _| async { ok("null") }).await;
    assert_eq!(start(&client(&server.url, token(), pin(&ours.ca))).await, Ok(Submitted::Done));
    let chain: Vec<CertificateDer<'static>> = vec![stranger.leaf.clone(), ours.ca.clone()];
    let forger = serve(&stranger, chain, |_, _| async { ok("null") }).await;
    let error = start(&client(&forger.url, token(), pin(&ours.ca))).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)), "{error}");
    assert!(forger.received().is_empty());
}

#[tokio::test]
async fn another_authoritys_certificate_is_refused() {
    let (ours, stranger) = (identity(), identity());
    let server = serve(&stranger, vec![stranger.leaf.clone()], |_, _| async { ok("null") }).await;
    for trust in [ca(&ours), Trust::System] {
        assert!(matches!(start(&client(&server.url, token(), trust)).await, Err(CallError::NotSent(_))));
    }
    assert!(server.received().is_empty());
}

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
    let credential = Credential::Password { user: "root@pam".to_owned(), password: SECRET.into() };
    let pve = client(&server.url, credential, ca(&identity));
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
    let credential = Credential::Password { user: "root@pam".to_owned(), password: SECRET.into() };
    let error = start(&client(&server.url, credential, ca(&identity))).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)), "{error}");
    tells_nothing(&error);
}

#[tokio::test]
async fn at_most_three_writes_are_in_flight_on_a_node() {
    let identity = identity();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (Arc::clone(&now), Arc::clone(&most));
    let server = serve(&identity, vec![identity.leaf.clone()], move |_, _| {
        let (now, most) = (Arc::clone(&counted.0), Arc::clone(&counted.1));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            ok("null")
        }
    });
    let server = server.await;
    let pve = client(&server.url, token(), ca(&identity));
    let ends = futures::future::join_all((0..8).map(|_| start(&pve))).await;
    assert!(ends.iter().all(|end| *end == Ok(Submitted::Done)));
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_without_being_repeated() {
    let config = |url: &str, token: &str, ca: &str| mycopod_pve::Config {
        url: url.to_owned(),
        credential: Credential::Token(token.to_owned().into()),
        trust: Trust::CaFile(ca.to_owned().into_bytes()),
        pool: None,
        marker_key: crate::common::marker(),
        clock: Arc::new(crate::common::FixedClock),
    };
    let ca = identity().ca_pem;
    for (url, token, ca) in [
        ("https://127.0.0.1:8006", SECRET, ca.as_str()),
        ("https://127.0.0.1:8006", "root@pam!lab", &ca),
        ("https://127.0.0.1:8006", "root@pam!lab=a\nb", &ca),
        ("http://127.0.0.1:8006", "root@pam!lab=x", &ca),
        ("https://127.0.0.1:8006", "root@pam!lab=x", "no certificate"),
    ] {
        let error = Pve::connect(config(url, token, ca)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(SECRET));
    }
    let pve = Pve::connect(config("https://127.0.0.1:8006", &format!("a@pve!b={SECRET}"), &ca)).unwrap();
    assert!(!format!("{pve:?}").contains(SECRET));
}
