//! What is shown of a cluster, with its age.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::ports::Clock;
use mycopod_engine::clock::SystemClock;
use mycopod_engine::{Engine, Parts};
use mycopod_sandbox::Fault;

use crate::keep::{edit, once};
use crate::lab::{Lab, added, parts, sandbox};

/// A clock that is ahead by so many seconds.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
    fn random(&self, bytes: &mut [u8]) {
        SystemClock.random(bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_shown_as_last_seen_and_looked_at_again_where_that_is_long_ago() {
    let lab = Lab::new().await;
    let clock = Arc::new(Ahead::default());
    let engine = Engine::new(Parts { clock: clock.clone(), ..parts(&lab.database, lab.pve.clone()) });
    let early = engine.readiness().await;
    assert_eq!(early.proxmox.detail.as_deref(), Some("it was not asked yet"), "of one cluster no name is told");

    let shown = engine.cluster(None).await.unwrap();
    assert!(shown.sandbox);
    assert_eq!(shown.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["pve1", "pve2"]);
    let node = &shown.nodes[1];
    assert_eq!((node.state, node.cores, node.memory_mib), ("seen", Some(32), Some(256 * 1024)));
    assert!(node.bridges.iter().any(|bridge| bridge == "vmbr0"), "{node:?}");
    let local = node.storages.iter().find(|storage| storage.name == "local").unwrap();
    assert_eq!(local.total_gib, 2 * 1024);
    assert!((1_900..2_048).contains(&local.free_gib), "{local:?}");
    assert!(local.content.iter().any(|content| content == "iso"), "{local:?}");
    assert!(shown.images.iter().any(|image| image.detail.starts_with("template 9")), "{:?}", shown.images);

    lab.sandbox.inject(Fault::NodeOffline { node: "pve2".to_owned() }).unwrap();
    clock.0.store(9 * 60, Ordering::SeqCst);
    let known = engine.cluster(None).await.unwrap();
    assert!(known.nodes.iter().all(|node| node.state == "seen"), "what is known serves: {known:?}");
    assert!(known.nodes.iter().all(|node| (540..600).contains(&node.age_seconds)), "{known:?}");
    clock.0.store(11 * 60, Ordering::SeqCst);
    let afresh = engine.cluster(None).await.unwrap();
    let states: Vec<_> = afresh.nodes.iter().map(|node| (node.state, node.detail.is_some())).collect();
    assert_eq!(states, [("seen", false), ("unreachable", true)], "{afresh:?}");

    let other = sandbox().await;
    engine.add_cluster(&lab.admin, added("lab", &other)).await.unwrap();
    let second = engine.cluster(Some("lab")).await.unwrap();
    assert_eq!((second.cluster.as_str(), second.sandbox), ("lab", false), "somebody added it: it is no practice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_shown_with_what_it_has() {
    let lab = Lab::running().await;
    lab.make("vm shop-01: 4 cores, 8 GB memory, 40 GB disk, tags shop and prod").await;
    let row = once(&lab, "shop-01", |row| row.managed).await;
    assert_eq!((row.cores, row.memory_mib, row.disk_gib), (Some(4), Some(8 * 1024), Some(40.0)), "{row:?}");
    assert_eq!(row.tags, ["prod", "shop"]);
    assert!(row.age_seconds < 60, "{row:?}");
    // Of what somebody changes by hand the rolling look tells, with no look at the whole.
    edit(&lab, "shop-01", &[("cores", "2")]).await;
    once(&lab, "shop-01", |row| row.cores == Some(2)).await;
}
