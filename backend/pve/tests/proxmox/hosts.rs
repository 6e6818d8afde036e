//! Several hosts of one cluster: who is asked, when another is, and who is not one of them.

use std::sync::{Arc, Mutex};

use crate::common::{
    HandClock, Identity, Reply, SECRET, Server, ca, client, identity, ok, password, seen, serve, start, step, task,
    timed_client, token,
};
use chrono::TimeDelta;
use mycopod_core::guest::Kind;
use mycopod_core::plan::Action;
use mycopod_core::ports::{CallError, Hypervisor, Submitted, TaskState};
use mycopod_pve::Pve;

/// How a host answers what is not asked to tell its cluster.
#[derive(Clone, Copy)]
enum Mode {
    Well,
    Mute,
    Status(&'static str),
}

struct Peer {
    server: Server,
    mode: Arc<Mutex<Mode>>,
    /// The fingerprint of its node `pve1`.
    print: Arc<Mutex<&'static str>>,
}

impl Peer {
    /// A host of the cluster in which `pve1` has that fingerprint.
    async fn of(identity: &Identity, print: &'static str) -> Self {
        let (mode, print) = (Arc::new(Mutex::new(Mode::Well)), Arc::new(Mutex::new(print)));
        let (how, told) = (Arc::clone(&mode), Arc::clone(&print));
        let server = serve(identity, vec![identity.leaf.clone()], move |_, request| {
            let (mode, print) = (*how.lock().unwrap(), *told.lock().unwrap());
            let path = request.line.split([' ', '?']).nth(1).unwrap_or_default().trim_start_matches("/api2/json");
            let answer = match (path, mode) {
                (_, Mode::Mute) => Reply::HangUp,
                ("/cluster/status", _) => ok(r#"[{"type":"cluster","name":"lab"}]"#),
                ("/nodes", _) => ok(&format!(r#"[{{"node":"pve1","ssl_fingerprint":"{print}"}}]"#)),
                ("/access/ticket", _) => ok(r#"{"ticket":"PVE:t","CSRFPreventionToken":"c"}"#),
                (_, Mode::Status(status)) => Reply::Full(status, String::new()),
                (_, Mode::Well) => ok(r#"{"status":"running"}"#),
            };
            async move { answer }
        });
        Self { server: server.await, mode, print }
    }

    fn is(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// How often it was asked for a task, or to start a guest.
    fn asked(&self) -> usize {
        let received = self.server.received();
        received.iter().filter(|request| request.line.contains("/tasks/") || request.line.contains("/start")).count()
    }
}

fn urls(peers: &[&Peer]) -> String {
    peers.iter().map(|peer| peer.server.url.as_str()).collect::<Vec<_>>().join(",")
}

fn asked(peers: &[&Peer]) -> Vec<usize> {
    peers.iter().map(|peer| peer.asked()).collect()
}

/// Two hosts of one cluster and a client of both.
async fn pair() -> (Peer, Peer, Pve) {
    let identity = identity();
    let (a, b) = (Peer::of(&identity, "AA").await, Peer::of(&identity, "AA").await);
    let pve = client(&urls(&[&a, &b]), token(), ca(&identity));
    (a, b, pve)
}

#[tokio::test]
async fn a_read_goes_to_the_next_host_at_once_and_later_ones_stay_there() {
    let (a, b, pve) = pair().await;
    assert_eq!(task(&pve).await, Ok(TaskState::Running));
    assert_eq!(asked(&[&a, &b]), [1, 0], "the first is preferred");
    for down in [Mode::Mute, Mode::Status("596 Connection timed out"), Mode::Status("595 Connection refused")] {
        let (a, b, pve) = pair().await;
        task(&pve).await.unwrap();
        a.is(down);
        assert_eq!(task(&pve).await, Ok(TaskState::Running));
        a.is(Mode::Well);
        assert_eq!(task(&pve).await, Ok(TaskState::Running));
        assert_eq!(asked(&[&a, &b])[1], 2, "the one that answers is kept");
    }
}

#[tokio::test]
async fn a_change_goes_to_another_host_only_where_it_was_surely_not_sent() {
    let (a, b, pve) = pair().await;
    a.is(Mode::Status("595 Connection refused"));
    assert_eq!(start(&pve).await, Ok(Submitted::Done));
    assert_eq!(asked(&[&a, &b]), [1, 1]);
    for lost in [Mode::Mute, Mode::Status("599 Too many redirections"), Mode::Status("502 Bad Gateway")] {
        let (a, b, pve) = pair().await;
        // Both are known, so that it is the change that gets lost.
        assert!(pve.check_hosts().await.iter().all(|(_, end)| end.is_ok()));
        a.is(lost);
        assert!(matches!(start(&pve).await, Err(CallError::MaybeSent(_))));
        assert_eq!(asked(&[&a, &b]), [1, 0]);
    }
    let identity = identity();
    let b = Peer::of(&identity, "AA").await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let pve = client(&format!("https://{closed},{}", b.server.url), token(), ca(&identity));
    assert_eq!(start(&pve).await, Ok(Submitted::Done));
    assert_eq!(b.asked(), 1);
}

#[tokio::test]
async fn a_failed_host_is_left_alone_for_a_while() {
    for (pause, expected) in [(10, [2, 0, 1]), (31, [2, 1, 0])] {
        let identity = identity();
        let (a, b, c) =
            (Peer::of(&identity, "AA").await, Peer::of(&identity, "AA").await, Peer::of(&identity, "AA").await);
        let clock = Arc::new(HandClock::default());
        let pve = timed_client(&urls(&[&a, &b, &c]), token(), ca(&identity), clock.clone());
        b.is(Mode::Mute);
        let checked = pve.check_hosts().await;
        assert_eq!(checked.iter().map(|(_, end)| end.is_ok()).collect::<Vec<_>>(), [true, false, true]);
        b.is(Mode::Well);
        clock.forward(TimeDelta::seconds(pause));
        task(&pve).await.unwrap();
        a.is(Mode::Status("596 Broken pipe"));
        assert_eq!(task(&pve).await, Ok(TaskState::Running));
        assert_eq!(asked(&[&a, &b, &c]), expected, "after {pause} s");
    }
}

#[tokio::test]
async fn when_all_hosts_are_down_each_ones_reason_is_told() {
    let (a, b, pve) = pair().await;
    task(&pve).await.unwrap();
    a.is(Mode::Status("595 No route to host"));
    b.is(Mode::Mute);
    let error = start(&pve).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)), "{error}");
    let text = error.to_string();
    let [port_a, port_b] = [&a, &b].map(|peer| peer.server.url.rsplit(':').next().unwrap().to_owned());
    assert!(text.contains(&format!("127.0.0.1:{port_a}: 595 No route to host")), "{text}");
    assert!(text.contains(&format!("127.0.0.1:{port_b}: ")), "{text}");
    assert!(task(&pve).await.is_err());
    // When one is back, it is tried although both failed a moment ago.
    b.is(Mode::Well);
    assert_eq!(task(&pve).await, Ok(TaskState::Running));
}

#[tokio::test]
async fn a_host_of_another_cluster_is_refused_and_gets_nothing() {
    let identity = identity();
    let (ours, other) = (Peer::of(&identity, "AA").await, Peer::of(&identity, "BB").await);
    let pve = client(&urls(&[&ours, &other]), token(), ca(&identity));
    task(&pve).await.unwrap();
    ours.is(Mode::Status("595 Connection refused"));
    let error = start(&pve).await.unwrap_err();
    assert!(matches!(&error, CallError::NotSent(why) if why.contains("another cluster")), "{error}");
    assert!(task(&pve).await.is_err());
    assert_eq!(other.asked(), 0);
    let checked = pve.check_hosts().await;
    assert!(checked[1].1.as_ref().is_err_and(|error| error.to_string().contains("another certificate")), "{checked:?}");
}

#[tokio::test]
async fn renewed_certificates_do_not_make_another_cluster() {
    let (a, b, pve) = pair().await;
    task(&pve).await.unwrap();
    for peer in [&a, &b] {
        *peer.print.lock().unwrap() = "CC";
    }
    // The look fails, as this host answers little; it has told its nodes.
    assert!(pve.observe().await.is_err());
    a.is(Mode::Status("595 Connection refused"));
    assert_eq!(task(&pve).await, Ok(TaskState::Running));
    assert_eq!(b.asked(), 1);
}

#[tokio::test]
async fn a_ticket_and_a_token_hold_on_every_host() {
    let identity = identity();
    for (credential, header) in [
        (password(), "cookie: PVEAuthCookie=PVE:t".to_owned()),
        (token(), format!("authorization: PVEAPIToken=root@pam!lab={SECRET}")),
    ] {
        let (a, b) = (Peer::of(&identity, "AA").await, Peer::of(&identity, "AA").await);
        let pve = client(&urls(&[&a, &b]), credential, ca(&identity));
        task(&pve).await.unwrap();
        a.is(Mode::Status("595 Connection refused"));
        let change = step(Kind::Qemu, 100, "pve1", "web-1", Action::Start);
        assert_eq!(pve.submit(&change, &seen(), None).await, Ok(Submitted::Done));
        let last = b.server.received().pop().unwrap();
        assert!(last.headers.contains(&header), "{last:?}");
        assert!(b.server.received().iter().all(|request| !request.line.contains("/access/ticket")));
    }
}
