//! What may not be done is said before anybody is asked for a yes.

use std::sync::Arc;

use mycopod_core::id::DeclarationId;
use mycopod_core::marker::MarkerKey;
use mycopod_engine::clock::SystemClock;
use mycopod_engine::view::Detail;
use mycopod_pve::{Config, Credential, Pve, Trust};
use reqwest::Method;

use crate::lab::{Lab, keys};

const USER: &str = "mycopod@pve";

/// A way to the lab's cluster by a token of its own, with the given privileges by path.
async fn account(lab: &Lab, rights: &[(&str, &str)]) -> Arc<Pve> {
    lab.by_hand(Method::POST, "/access/users", &[("userid", USER)]).await;
    let token = format!("/access/users/{USER}/token/lab");
    let made = lab.by_hand(Method::POST, &token, &[("privsep", "0")]).await;
    for (n, (path, privileges)) in rights.iter().enumerate() {
        grant(lab, &format!("Lab{n}"), path, privileges).await;
    }
    let pve = Pve::connect(Config {
        url: lab.sandbox.url(),
        credential: Credential::Token(format!("{USER}!lab={}", made["value"].as_str().unwrap()).into()),
        trust: Trust::CaFile(lab.sandbox.ca_pem().as_bytes().to_vec()),
        pool: None,
        marker_key: MarkerKey::new(keys().marker),
        clock: Arc::new(SystemClock),
    });
    Arc::new(pve.unwrap())
}

/// A lab whose engine comes by that way.
async fn with_rights(rights: &[(&str, &str)]) -> Lab {
    let mut lab = Lab::new().await;
    lab.restart(account(&lab, rights).await);
    lab
}

async fn grant(lab: &Lab, role: &str, path: &str, privileges: &str) {
    lab.by_hand(Method::POST, "/access/roles", &[("roleid", role), ("privs", privileges)]).await;
    lab.by_hand(Method::PUT, "/access/acl", &[("path", path), ("roles", role), ("users", USER)]).await;
}

/// What the one question says.
#[track_caller]
fn asked(detail: &Detail) -> &str {
    assert_eq!(detail.status, "needs_answer", "{detail:#?}");
    assert!(detail.plan.is_none(), "nothing is offered: {detail:#?}");
    let questions = &detail.reading.as_ref().unwrap().questions;
    assert_eq!(questions.len(), 1, "{detail:#?}");
    &questions[0].text
}

const LOOKING: [(&str, &str); 2] = [("/nodes", "Sys.Audit"), ("/storage", "Datastore.Audit")];

#[tokio::test(flavor = "multi_thread")]
async fn privileges_missing_are_named_before_the_approval() {
    let lab = with_rights(&[LOOKING[0], LOOKING[1], ("/vms", "VM.Audit,VM.PowerMgmt,VM.Config.CPU")]).await;
    let detail = lab.declare("snapshot test-1 as pre-patch and set the memory of test-1 to 3 GB").await;
    let text = asked(&detail);
    assert!(text.contains("VM.Snapshot on /vms/111") && text.contains("VM.Config.Memory on /vms/111"), "{text}");
    assert!(!text.contains(" more"), "all are named: {text}");
    assert!(!text.contains("VM.PowerMgmt") && !text.contains("VM.Config.CPU"), "{text}");
    assert_eq!(
        lab.declare("set the cores of test-1 to 3").await.status,
        "needs_answer",
        "adopting it writes its notes"
    );

    let text =
        asked(&lab.declare("create a vm called new-1 with 1 core, 1 GB memory and a 5 GB disk").await).to_owned();
    for needed in
        ["VM.Allocate on /vms", "Datastore.AllocateSpace on /storage/local-lvm", "SDN.Use on /sdn/zones/localnetwork"]
    {
        assert!(text.contains(needed), "{needed}: {text}");
    }
    grant(&lab, "More", "/vms", "VM.Snapshot,VM.Config.Memory,VM.Config.Options").await;
    let id = DeclarationId(detail.id);
    lab.engine.answer(&lab.admin, id, &[("privileges".to_owned(), "Plan again".to_owned())]).await.unwrap();
    let detail = lab.settled(id).await;
    assert_eq!(detail.status, "awaiting_approval", "{detail:#?}");
    let detail = lab.confirm(&detail).await;
    assert_eq!(detail.status, "converged", "{detail:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_may_no_longer_be_seen_is_not_gone() {
    let mut lab = Lab::running().await;
    let made = lab.make("create a vm called shy-1 with 1 core, 1 GB memory and a 5 GB disk").await;
    let vmid = lab.named("shy-1").await.remove(0).guest.vmid;
    lab.crash().await;
    // Rights on the other guests alone.
    let everywhere = "Sys.Audit,Datastore.Audit,Datastore.AllocateSpace,SDN.Use,VM.Audit,VM.Allocate,VM.Clone";
    lab.restart(account(&lab, &[("/", everywhere), (&format!("/vms/{vmid}"), "VM.Console")]).await);
    let id = DeclarationId(made.id);
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let detail = lab.settled(id).await;
    assert!(detail.status_reason.as_ref().is_some_and(|why| why.contains("may not be seen")), "{detail:#?}");
    let rows = lab.engine.guests().await.unwrap();
    let row = rows.iter().find(|row| row.name == "shy-1").unwrap();
    assert!(row.drift.is_empty() && row.problem.as_ref().unwrap().contains("may not be seen"), "{row:?}");
}
