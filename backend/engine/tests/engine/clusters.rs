//! Several clusters: each has its own guests, numbers and troubles.

use std::sync::Arc;
use std::time::Duration;

use mycopod_core::id::{ClusterId, DeclarationId};
use mycopod_core::keys::Keys;
use mycopod_core::observed::Ownership;
use mycopod_core::ports::{Connector, Hypervisor};
use mycopod_core::status::Role;
use mycopod_engine::view::GuestRow;
use mycopod_engine::{ClusterChange, Engine, NewCluster, Parts, Refusal};
use mycopod_sandbox::{Effect, Fault, Running};
use reqwest::Method;

use crate::lab::{Lab, Ways, added, by_hand, engine, parts, pve, sandbox, user};

const TWIN: &str = "create a VM called twin with 2 cores, 1 GB memory and a 5 GB disk";

/// A running engine with a second cluster called `lab`.
async fn two_clusters() -> (Lab, Running) {
    let (lab, other) = (Lab::running().await, sandbox().await);
    let tested = lab.engine.add_cluster(&lab.admin, added("lab", &other)).await.unwrap();
    assert!(tested.version.starts_with("8.4") && tested.missing.is_empty(), "{tested:?}");
    (lab, other)
}

async fn row(engine: &Engine, cluster: &str, name: &str) -> Option<GuestRow> {
    engine.guests().await.unwrap().into_iter().find(|row| row.cluster == cluster && row.name == name)
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_of_one_name_and_number_on_two_clusters_are_two() {
    let (lab, other) = two_clusters().await;
    let here = lab.make(TWIN).await;
    let there = lab.make(&format!("{TWIN} on cluster lab")).await;
    assert_eq!((here.cluster.as_str(), there.cluster.as_str()), ("main", "lab"));
    assert_eq!(there.reading.as_ref().unwrap().cluster.as_ref().unwrap().display, "lab");
    let vmid =
        |detail: &mycopod_engine::view::Detail| detail.plan.as_ref().unwrap().steps[0].guest.as_ref().unwrap().vmid;
    assert_eq!(vmid(&here), vmid(&there), "each cluster has its own numbers");
    // Each was made once, where it belongs.
    let on = |observed: mycopod_core::observed::Observed| {
        observed.guests.into_iter().filter(|seen| seen.guest.name == "twin").count()
    };
    assert_eq!((on(lab.observed().await), on(pve(&other).observe().await.unwrap())), (1, 1));

    // What happens to one is nothing to the other.
    let guest = lab.named("twin").await.remove(0).guest;
    let config = format!("/nodes/{}/qemu/{}/config", guest.node, guest.vmid);
    by_hand(&other, Method::PUT, &config, &[("cores", "4")]).await;
    until(async || row(&lab.engine, "lab", "twin").await.filter(|row| !row.drift.is_empty())).await;
    let main = row(&lab.engine, "main", "twin").await.unwrap();
    assert!(main.managed && main.drift.is_empty(), "{main:?}");

    let id = DeclarationId(there.id);
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let repair = lab.settled(id).await;
    assert_eq!(lab.confirm(&repair).await.status, "converged");
    lab.make("delete twin in the lab cluster").await;
    assert_eq!((on(lab.observed().await), on(pve(&other).observe().await.unwrap())), (1, 0));
    let main = row(&lab.engine, "main", "twin").await.unwrap();
    assert!(main.managed && main.problem.is_none(), "{main:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_restored_on_another_cluster_is_not_ours_there() {
    let (lab, other) = two_clusters().await;
    let made = lab.make(TWIN).await;
    let guest = made.plan.as_ref().unwrap().steps[0].guest.as_ref().unwrap();
    let seen = lab.named("twin").await.remove(0);
    // The marker goes along with the notes, as in a backup that is restored elsewhere.
    let form = [("vmid", &*guest.vmid.to_string()), ("name", "twin"), ("description", &*seen.raw["description"])];
    by_hand(&other, Method::POST, &format!("/nodes/{}/qemu", guest.node), &form).await;
    let stranger = until(async || row(&lab.engine, "lab", "twin").await).await;
    assert!(!stranger.managed && stranger.resource.is_none(), "{stranger:?}");
    let id = sqlx::query_scalar("SELECT id FROM clusters WHERE name = 'lab'").fetch_one(&lab.database.pool).await;
    let there = added("lab", &other);
    let way = Ways.connect(ClusterId(id.unwrap()), &there.access(), &there.login.1).unwrap();
    let seen = way.observe().await.unwrap().guests.into_iter().find(|seen| seen.guest.name == "twin").unwrap();
    assert_eq!(seen.ownership, Ownership::Invalid, "the marker holds on the first cluster only");
    assert!(row(&lab.engine, "main", "twin").await.unwrap().managed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_answer_harms_no_other() {
    let (lab, other) = two_clusters().await;
    until(async || lab.engine.readiness().await.clusters.iter().all(|cluster| cluster.ok).then_some(())).await;
    other.shutdown().await;
    let mut waiting = Vec::new();
    // More than are read at once.
    for n in 0..9 {
        waiting.push(
            lab.engine.declare(&lab.admin, &format!("create a VM called dark-{n} on cluster lab")).await.unwrap(),
        );
    }
    lab.make(TWIN).await;
    let detail = lab.engine.detail(&lab.admin, waiting[0]).await.unwrap();
    assert_eq!((detail.status, detail.cluster.as_str()), ("reading", "lab"));
    let down = until(async || {
        let readiness = lab.engine.readiness().await;
        (!readiness.proxmox.ok).then_some(readiness)
    })
    .await;
    assert_eq!(down.status, "degraded");
    assert!(down.proxmox.detail.unwrap().starts_with("lab: "));
    assert_eq!(
        down.clusters.iter().map(|part| (&*part.cluster, part.ok)).collect::<Vec<_>>(),
        [("main", true), ("lab", false)]
    );
    assert!(row(&lab.engine, "main", "twin").await.unwrap().managed);
    let lines = lab.engine.clusters(&lab.admin).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.state).collect::<Vec<_>>(), ["seen", "unreachable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_known_to_all_replicas_and_goes_when_nothing_of_ours_is_on_it() {
    let (lab, other) = two_clusters().await;
    // A replica without workers: what it shows it has read.
    let replica = engine(&lab.database, lab.pve.clone());
    let names = async |engine: &Engine| {
        let lines = engine.clusters(&lab.admin).await.unwrap();
        lines.into_iter().map(|line| line.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&replica).await, ["main", "lab"]);

    let made = lab.make(&format!("{TWIN} on cluster lab")).await;
    let kept = replica.remove_cluster(&lab.admin, "lab").await.unwrap_err();
    assert!(matches!(&kept, Refusal::Conflict(why) if why.contains("twin")), "{kept}");
    let waiting = lab.declare("start twin on cluster lab").await;
    let kept = replica.remove_cluster(&lab.admin, "lab").await.unwrap_err();
    assert!(kept.to_string().contains(&waiting.id.to_string()), "{kept}");
    lab.engine.cancel(&lab.admin, DeclarationId(waiting.id)).await.unwrap();
    lab.make("delete twin on cluster lab").await;
    replica.remove_cluster(&lab.admin, "lab").await.unwrap();
    until(async || (names(&lab.engine).await == ["main"]).then_some(())).await;
    let late = lab.engine.plan_again(&lab.admin, DeclarationId(made.id)).await.unwrap_err();
    assert!(matches!(&late, Refusal::Conflict(why) if why.contains("lab was removed")), "{late}");
    assert!(matches!(replica.remove_cluster(&lab.admin, "main").await, Err(Refusal::Conflict(_))), "the first stays");
    // Whoever kept it has stopped: it is asked for nothing more.
    let counting = other.inject(Fault::request("GET", "/**", Effect::DropRequest).after(u32::MAX)).unwrap();
    let asked = || other.faults().into_iter().find(|injected| injected.id == counting).unwrap().passed;
    until(async || {
        let before = asked();
        tokio::time::sleep(Duration::from_secs(1)).await;
        (asked() == before).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_tested_before_it_is_stored() {
    let (lab, other) = (Lab::new().await, sandbox().await);
    let good = || added("lab", &other);
    let refused = async |new: NewCluster| lab.engine.add_cluster(&lab.admin, new).await.unwrap_err().to_string();
    let (id, _) = good().login;
    let root = |password| mycopod_core::cluster::Secret::of_password("root@pam", password).unwrap();
    let wrong = mycopod_core::cluster::Secret::new("00000000-0000-0000-0000-000000000000".to_owned());
    for (new, why) in [
        (NewCluster { name: "My Lab".into(), ..good() }, "lower-case"),
        (NewCluster { name: "main".into(), ..good() }, "called main already"),
        (NewCluster { urls: vec!["https://127.0.0.1:1".into()], ..good() }, "cannot be reached"),
        (NewCluster { urls: vec!["http://127.0.0.1:1".into()], ..good() }, "addresses"),
        (NewCluster { trust: mycopod_core::cluster::Trust::System, ..good() }, "CA or the pin"),
        (NewCluster { login: (id, wrong), ..good() }, "token"),
        (NewCluster { login: root("wrong"), ..good() }, "user and the password"),
        (added("second", &lab.sandbox), "it is main"),
    ] {
        let told = refused(new).await;
        assert!(told.contains(why), "{told}");
        assert!(told.to_lowercase().contains("nothing was"), "{told}");
    }
    lab.engine.add_cluster(&lab.admin, good()).await.unwrap();
    assert!(refused(added("again", &other)).await.contains("it is lab"));

    let third = sandbox().await;
    let elsewhere = ClusterChange {
        urls: Some(vec![third.url()]),
        trust: Some(added("x", &third).trust),
        login: Some(added("x", &third).login),
        pool: None,
    };
    let told = lab.engine.change_cluster(&lab.admin, "lab", elsewhere).await.unwrap_err().to_string();
    assert!(told.contains("another cluster than lab:"), "{told}");
    let pool = ClusterChange { pool: Some(Some("no such pool".into())), ..ClusterChange::default() };
    assert!(lab.engine.change_cluster(&lab.admin, "lab", pool).await.is_err());
    let same = ClusterChange { login: Some(good().login), ..ClusterChange::default() };
    lab.engine.change_cluster(&lab.admin, "lab", same).await.unwrap();
    // One of which nobody noted yet which nodes it has is told by its answers from then on.
    sqlx::query("UPDATE clusters SET fingerprints = '{}' WHERE name = 'lab'")
        .execute(&lab.database.pool)
        .await
        .unwrap();
    let by_password = ClusterChange { login: Some(root("secret123")), ..ClusterChange::default() };
    lab.engine.change_cluster(&lab.admin, "lab", by_password).await.unwrap();
    let tested = lab.engine.test_cluster(&lab.admin, "lab").await.unwrap();
    assert!(tested.missing.is_empty(), "{tested:?}");
    let authid = lab.engine.clusters(&lab.admin).await.unwrap()[1].access.as_ref().unwrap().authid.clone();
    assert_eq!(authid, "root@pam");

    let ann = user(&lab.engine, "ann@example.org", Role::User, true).await;
    assert!(matches!(lab.engine.add_cluster(&ann, added("own", &third)).await, Err(Refusal::Forbidden(_))));
    let seen = lab.engine.clusters(&ann).await.unwrap();
    assert!(seen.iter().all(|line| line.access.is_none()), "how clusters are reached is for Admins");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_rests_sealed_and_opens_only_with_its_key_beside_its_settings() {
    let (lab, other) = two_clusters().await;
    let (_, secret) = added("lab", &other).login;
    let stored: Vec<String> =
        sqlx::query_scalar("SELECT c::text || encode(secret, 'escape') FROM clusters c WHERE secret IS NOT NULL")
            .fetch_all(&lab.database.pool)
            .await
            .unwrap();
    let entries: Vec<String> =
        sqlx::query_scalar("SELECT entry FROM audit_entries").fetch_all(&lab.database.pool).await.unwrap();
    assert!(entries.iter().any(|entry| entry.contains("cluster.added") && entry.contains("cluster lab")));
    assert_eq!(stored.len(), 1);
    assert!(stored.iter().chain(&entries).all(|text| !text.contains(secret.expose())));
    let shown = format!("{:?}", lab.engine.clusters(&lab.admin).await.unwrap());
    assert!(shown.contains(&other.url()) && !shown.contains(secret.expose()), "{shown}");

    let unusable = async |engine: &Engine| {
        let told = engine.test_cluster(&lab.admin, "lab").await.unwrap_err().to_string();
        assert!(told.contains("token of cluster lab cannot be opened"), "{told}");
        assert!(!told.contains(secret.expose()));
        assert!(engine.test_cluster(&lab.admin, "main").await.is_ok(), "it is that cluster’s trouble alone");
    };
    let parts = parts(&lab.database, lab.pve.clone() as Arc<dyn Hypervisor>);
    let other_key = Engine::new(Parts { keys: Arc::new(Keys::derive(&[8; 32])), ..parts });
    unusable(&other_key).await;

    // Whoever can write to the database, but not read the secret file, cannot have the token sent elsewhere.
    sqlx::query("UPDATE clusters SET access = jsonb_set(access, '{urls}', '[\"https://evil.example.org\"]') WHERE secret IS NOT NULL")
        .execute(&lab.database.pool)
        .await
        .unwrap();
    unusable(&engine(&lab.database, lab.pve.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_asked_about_and_the_answer_holds() {
    let (lab, other) = two_clusters().await;
    let asked = lab.declare(&format!("{TWIN} on cluster mars")).await;
    assert_eq!(asked.status, "needs_answer", "{asked:#?}");
    let [question] = &asked.reading.as_ref().unwrap().questions[..] else { panic!("{asked:#?}") };
    assert_eq!(question.options, ["lab", "main"]);
    let id = DeclarationId(asked.id);
    lab.engine.answer(&lab.admin, id, &[(question.id.clone(), "lab".to_owned())]).await.unwrap();
    let planned = lab.settled(id).await;
    assert_eq!((planned.status, planned.cluster.as_str()), ("awaiting_approval", "lab"), "{planned:#?}");
    assert_eq!(lab.confirm(&planned).await.status, "converged");
    let twins = pve(&other).observe().await.unwrap().guests.into_iter().filter(|seen| seen.guest.name == "twin");
    assert_eq!(twins.count(), 1);
}
