//! What happens on the wire, against a server that misbehaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{
    Reply, SECRET, Server, UPID, ca, client, identity, ok, seen, serve, start, step, task, tells_nothing, token, vmid,
};
use mycopod_core::guest::{GuestKey, Kind};
use mycopod_core::plan::Action;
use mycopod_core::ports::{CallError, Hypervisor, Submitted, TaskState};
use mycopod_pve::{Credential, Pve, Trust};

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
        assert!(pve.submit(&step(Kind::Qemu, 100, "pve1", "web-1", action), &seen(), None).await.is_ok());
    }
    let received = server.received();
    assert_eq!(received[0].body, "forceStop=0&timeout=180");
    let (line, body) = (&received[1].line, &received[1].body);
    let address = "/api2/json/nodes/pve1/qemu/100?destroy-unreferenced-disks=0&purge=1";
    assert_eq!((line.as_str(), body.as_str()), (&*format!("DELETE {address} HTTP/1.1"), ""));
}

/// A server that counts the most requests that it had at once.
async fn counted() -> (Server, Trust, Arc<AtomicUsize>) {
    let identity = identity();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (Arc::clone(&now), Arc::clone(&most));
    let server = serve(&identity, vec![identity.leaf.clone()], move |_, _| {
        let (now, most) = (Arc::clone(&counted.0), Arc::clone(&counted.1));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            ok(r#"{"status":"running"}"#)
        }
    });
    (server.await, ca(&identity), most)
}

#[tokio::test]
async fn at_most_three_changes_are_in_flight_on_a_node() {
    let (server, trust, most) = counted().await;
    let pve = client(&server.url, token(), trust);
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

/// How often each connection was used.
fn uses(server: &Server) -> Vec<usize> {
    let mut uses = Vec::new();
    for request in server.received() {
        uses.resize(uses.len().max(request.connection + 1), 0);
        uses[request.connection] += 1;
    }
    uses
}

#[tokio::test]
async fn a_connection_is_used_again_but_not_for_its_hundredth_request() {
    let (server, pve) = with_reply(|| ok(r#"{"status":"running"}"#)).await;
    for _ in 0..250 {
        assert_eq!(task(&pve).await, Ok(TaskState::Running));
    }
    let uses = uses(&server);
    assert!(uses.iter().all(|uses| *uses <= 99), "{uses:?}");
    assert!(uses.len() < 20, "{uses:?}");
}

#[tokio::test]
async fn a_connection_that_was_idle_too_long_and_one_for_a_change_are_not_used_again() {
    let (server, pve) = with_reply(|| ok(r#"{"status":"running"}"#)).await;
    task(&pve).await.unwrap();
    tokio::time::sleep(Duration::from_millis(4200)).await;
    task(&pve).await.unwrap();
    assert_eq!(uses(&server), [1, 1]);
    for _ in 0..3 {
        start(&pve).await.unwrap();
    }
    assert_eq!(uses(&server), [1; 5]);
}

#[tokio::test]
async fn what_is_not_proxmoxs_answer_settles_nothing() {
    let page = || Reply::Full("200 OK", "<html>Log in</html>".to_owned());
    let short = || Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"data\":null}".to_owned());
    let long = || Reply::Truncated(r#"{"data":[]}"#);
    let other = || Reply::Full("200 OK", r#"{"result":[]}"#.to_owned());
    let gateway = || Reply::Full("503 Service Unavailable", r#"{"error":"no upstream"}"#.to_owned());
    let not_found = || Reply::Full("404 Not Found", "<html>".to_owned());
    for reply in [page, short, long, other, gateway, not_found] as [fn() -> Reply; 6] {
        let (server, pve) = with_reply(reply).await;
        assert!(matches!(start(&pve).await, Err(CallError::MaybeSent(_))));
        assert_eq!(server.received().len(), 1);
        let looked = pve.look(GuestKey { kind: Kind::Qemu, vmid: vmid(100) }).await;
        assert!(matches!(looked, Err(CallError::Malformed(_) | CallError::MaybeSent(_))), "{looked:?}");
    }
}

#[tokio::test]
async fn a_lock_that_was_not_got_is_waited_for_when_reading_and_left_to_the_caller_when_changing() {
    let locked = "cfs-lock 'file-user_cfg' error: got lock request timeout";
    let (server, pve) = with_reply(|| {
        let body = r#"{"data":null,"message":"cfs-lock 'file-user_cfg' error: got lock request timeout\n"}"#;
        Reply::Full("500 cfs-lock 'file-user_cfg' error: got lock request timeout", body.to_owned())
    })
    .await;
    let error = start(&pve).await.unwrap_err();
    assert_eq!(error, CallError::Rejected { status: 500, reason: locked.to_owned() });
    assert!(error.is_lock_timeout());
    assert_eq!(server.received().len(), 1);
    assert_eq!(task(&pve).await, Err(error));
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn at_most_eight_reads_are_in_flight() {
    let (server, trust, most) = counted().await;
    let pve = client(&server.url, token(), trust);
    let ends = futures::future::join_all((0..40).map(|_| task(&pve))).await;
    assert!(ends.iter().all(Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), 8);
}
