//! What stands around the guests: pools, files, backup jobs.

use futures::StreamExt;
use mycopod_core::status::Role;
use mycopod_engine::{Destination, Refusal};
use mycopod_sandbox::{Fault, TaskEffect};
use reqwest::Method;

use crate::lab::{Lab, user};

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_made_filled_emptied_and_deleted() {
    let lab = Lab::running().await;
    let made = lab.declare("create pool shop/web with web-01 and web-02 in it").await;
    let plan = made.plan.as_ref().unwrap();
    assert_eq!(plan.steps[0].facility.as_ref().unwrap().name, "shop/web");
    // Its parent is missing: Proxmox refuses, and no guest is put anywhere.
    let refused = lab.confirm(&made).await;
    assert_eq!(refused.status, "failed", "{refused:#?}");
    lab.make("create pool shop with web-01 and web-02 in it").await;
    let members = lab.by_hand(Method::GET, "/pools?poolid=shop", &[]).await;
    assert_eq!(members[0]["members"].as_array().unwrap().len(), 2, "{members}");
    lab.make("create pool shop/web").await;
    lab.make("delete pool shop/web").await;
    let full = lab.declare("delete pool shop").await;
    assert_eq!(full.status, "needs_answer", "{full:#?}");
    let text = &full.reading.as_ref().unwrap().questions[0].text;
    assert!(text.contains("not empty") && text.contains("web-01"), "{text}");
    lab.make("remove web-01 and web-02 from their pool").await;
    lab.make("delete pool shop").await;
    assert!(!lab.observed().await.pools.contains("shop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_downloaded_once_and_its_deletion_takes_consent() {
    let lab = Lab::running().await;
    lab.make("download https://example.org/images/tiny-1.iso to local on pve1").await;
    let there = |volumes: &[mycopod_core::observed::Volume]| {
        volumes.iter().any(|volume| volume.volume == "local:iso/tiny-1.iso" && volume.node == "pve1")
    };
    assert!(there(&lab.observed().await.volumes));
    let again = lab.declare("download https://example.org/images/tiny-1.iso to local on pve1").await;
    assert_eq!(again.status, "converged", "{again:#?}");
    let delete = lab.declare("delete the file local:iso/tiny-1.iso").await;
    let plan = delete.plan.as_ref().unwrap();
    assert_eq!(plan.steps[0].effect, "destroy");
    let id = mycopod_core::id::DeclarationId(delete.id);
    let without = lab.engine.approve(&lab.admin, id, &plan.digest, &std::collections::BTreeSet::new()).await;
    assert!(without.is_err(), "it is not named");
    assert_eq!(lab.confirm(&delete).await.status, "converged");
    assert!(!there(&lab.observed().await.volumes));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_job_is_made_shown_with_its_guests_deletion_and_deleted() {
    let lab = Lab::running().await;
    lab.make("back up web-01 and test-1 every night at 2 to local, keep 7 daily").await;
    let jobs = lab.by_hand(Method::GET, "/cluster/backup", &[]).await;
    let [job] = jobs.as_array().unwrap().as_slice() else { panic!("{jobs}") };
    assert_eq!(
        (job["schedule"].as_str(), job["prune-backups"].as_str()),
        (Some("02:00"), Some("keep-daily=7")),
        "{job}"
    );
    let id = job["id"].as_str().unwrap();
    let delete = lab.declare("delete test-1").await;
    let collateral = delete.plan.as_ref().unwrap().steps.last().unwrap().collateral.join("; ");
    assert!(collateral.contains(&format!("backup job {id}")), "{collateral}");
    lab.make(&format!("delete backup job {id}")).await;
    assert_eq!(lab.by_hand(Method::GET, "/cluster/backup", &[]).await, serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sent_once_whole_and_overwrites_none() {
    let lab = Lab::new().await;
    let to =
        |file: &str| Destination { cluster: None, node: "pve1".into(), storage: "local".into(), file: file.into() };
    let send = async |file: &str, size: u64| {
        let pieces = [Ok(vec![7; 600]), Ok(vec![8; 424])];
        lab.engine.upload(&lab.admin, &to(file), size, futures::stream::iter(pieces).boxed()).await
    };
    assert_eq!(send("mine.iso", 1024).await.unwrap().volume, "local:iso/mine.iso");
    let listed = lab.by_hand(Method::GET, "/nodes/pve1/storage/local/content?content=iso", &[]).await;
    let found = listed.as_array().unwrap().iter().find(|row| row["volid"] == "local:iso/mine.iso").unwrap();
    assert_eq!(found["size"], 1024, "{found}");
    assert!(matches!(send("mine.iso", 1024).await, Err(Refusal::Conflict(_))));
    assert!(matches!(send("mine.exe", 1024).await, Err(Refusal::Invalid(_))));
    assert!(matches!(send("../mine.iso", 1024).await, Err(Refusal::Invalid(_))));
    // Cut off in the middle, nothing of it is kept.
    assert!(matches!(send("half.iso", 4096).await, Err(Refusal::Unavailable(_))));
    let listed = lab.by_hand(Method::GET, "/nodes/pve1/storage/local/content?content=iso", &[]).await;
    assert!(!listed.to_string().contains("half.iso"), "{listed}");
    let nobody = user(&lab.engine, "user@example.org", Role::User, true).await;
    let pieces = futures::stream::iter([Ok(vec![7; 8])]).boxed();
    let refused = lab.engine.upload(&nobody, &to("theirs.iso"), 8, pieces).await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))));
    lab.engine.freeze(&lab.admin, None, "storage upgrade").await.unwrap();
    let frozen = send("frozen.iso", 1024).await.unwrap_err().to_string();
    assert!(frozen.contains("frozen"), "{frozen}");
    let entries = "SELECT kind FROM audit_entries WHERE kind LIKE 'file.%' ORDER BY seq";
    let kinds: Vec<String> = sqlx::query_scalar(entries).fetch_all(&lab.database.pool).await.unwrap();
    assert_eq!(kinds, ["file.uploading", "file.uploaded", "file.uploading", "file.failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_where_it_may_be_and_has_room_and_is_followed_until_it_is_stored() {
    let lab = Lab::new().await;
    let send = async |node: &str, storage: &str| {
        let to = Destination { cluster: None, node: node.into(), storage: storage.into(), file: "mine.iso".into() };
        let pieces = futures::stream::iter([Ok(vec![7; 1024])]).boxed();
        lab.engine.upload(&lab.admin, &to, 1024, pieces).await
    };
    let full = lab.sandbox.inject(Fault::StorageFull { storage: "local".into(), node: Some("pve2".into()) }).unwrap();
    for (node, storage, why) in [
        ("pve7", "local", "no node pve7 that answers"),
        ("pve1", "local-lvm", "local-lvm that may hold such a file (iso); these may: local"),
        ("pve1", "nowhere", "no storage nowhere"),
        ("pve2", "local", "and the file has 1 KiB"),
    ] {
        let refused = send(node, storage).await;
        assert!(matches!(&refused, Err(Refusal::Invalid(text)) if text.contains(why)), "{why}: {refused:?}");
    }
    let entries = "SELECT count(*) FROM audit_entries WHERE kind LIKE 'file.%'";
    let entries: i64 = sqlx::query_scalar(entries).fetch_one(&lab.database.pool).await.unwrap();
    assert_eq!(entries, 0, "nothing was begun");
    lab.sandbox.clear(full).unwrap();
    // Storing goes on after the last byte.
    lab.sandbox.inject(Fault::task("imgcopy", TaskEffect::Slow { seconds: 1.5 })).unwrap();
    assert_eq!(send("pve2", "local").await.unwrap().volume, "local:iso/mine.iso");
}
