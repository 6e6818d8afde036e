//! What somebody does past the API, as clients that look for drift and identity see it.

use std::collections::BTreeMap;

use crate::common::Lab;
use mycopod_sandbox::ByHand;
use serde_json::{Value, json};

const GUEST: &str = "/nodes/pve1/qemu/111";

fn volumes(list: &Value, vmid: u32) -> Vec<&str> {
    let own = list.as_array().unwrap().iter().filter(|volume| volume["vmid"] == vmid);
    own.map(|volume| volume["volid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_edit_holds_at_once_and_changes_the_digest() {
    let lab = Lab::demo().await;
    let before = lab.get(&format!("{GUEST}/config")).await;
    let set = BTreeMap::from([
        ("cores".to_owned(), "7".to_owned()),
        ("net5".to_owned(), "virtio=BC:24:11:00:00:01".to_owned()),
    ]);
    lab.running.by_hand(&ByHand::Edit { vmid: 111, set, delete: vec!["tags".to_owned()] }).unwrap();
    let after = lab.get(&format!("{GUEST}/config")).await;
    assert_eq!((&after["cores"], &after["tags"]), (&json!(7), &Value::Null));
    assert_eq!(after["net5"], "virtio=BC:24:11:00:00:01");
    assert_ne!(before["digest"], after["digest"]);
    for (option, value) in [("bad option", "1"), ("", "1"), ("name", "two\nlines")] {
        let set = BTreeMap::from([(option.to_owned(), value.to_owned())]);
        assert!(lab.running.by_hand(&ByHand::Edit { vmid: 111, set, delete: vec![] }).is_err(), "{option}");
    }
    assert_eq!(lab.get(&format!("{GUEST}/config")).await, after);
}

#[tokio::test]
async fn guests_are_renamed_started_and_stopped() {
    let lab = Lab::demo().await;
    lab.running.by_hand(&ByHand::Rename { vmid: 111, name: "renamed".into() }).unwrap();
    lab.running.by_hand(&ByHand::Rename { vmid: 120, name: "box".into() }).unwrap();
    lab.running.by_hand(&ByHand::Power { vmid: 111, running: true }).unwrap();
    lab.running.by_hand(&ByHand::Power { vmid: 120, running: false }).unwrap();
    let (vm, container) =
        (lab.get(&format!("{GUEST}/status/current")).await, lab.get("/nodes/pve2/lxc/120/status/current").await);
    assert_eq!((&vm["name"], &vm["status"]), (&json!("renamed"), &json!("running")));
    assert_eq!((&container["name"], &container["status"]), (&json!("box"), &json!("stopped")));
    assert!(lab.running.by_hand(&ByHand::Power { vmid: 9_000, running: true }).is_err(), "a template does not run");
}

#[tokio::test]
async fn a_moved_guest_is_on_its_new_node_with_its_disks_and_nowhere_else() {
    let lab = Lab::demo().await;
    lab.running.by_hand(&ByHand::Move { vmid: 101, node: "pve2".into() }).unwrap();
    let gone = lab.call("GET", "/nodes/pve1/qemu/101/config", &Value::Null).await;
    assert_eq!(gone.reason, "Configuration file 'nodes/pve1/qemu-server/101.conf' does not exist");
    assert_eq!(lab.get("/nodes/pve2/qemu/101/status/current").await["status"], "running");
    let content = |node: &str| format!("/nodes/{node}/storage/local-lvm/content");
    assert!(volumes(&lab.get(&content("pve1")).await, 101).is_empty());
    assert_eq!(volumes(&lab.get(&content("pve2")).await, 101), ["local-lvm:vm-101-disk-0"]);
    assert!(lab.running.by_hand(&ByHand::Move { vmid: 101, node: "pve9".into() }).is_err());
}

#[tokio::test]
async fn a_clone_has_the_notes_and_tags_and_an_identity_of_its_own() {
    let lab = Lab::demo().await;
    lab.call("PUT", &format!("{GUEST}/config"), &json!({ "description": "marker" })).await.data();
    lab.running.by_hand(&ByHand::Clone { vmid: 111, newid: 511, name: None }).unwrap();
    let (old, new) = (lab.get(&format!("{GUEST}/config")).await, lab.get("/nodes/pve1/qemu/511/config").await);
    for same in ["name", "description", "tags", "cores"] {
        assert_eq!(old[same], new[same], "{same}");
    }
    for own in ["smbios1", "vmgenid", "net0", "scsi0", "digest"] {
        assert_ne!(old[own], new[own], "{own}");
    }
    assert_eq!(new["lock"], Value::Null);
    for newid in [511, 99] {
        assert!(lab.running.by_hand(&ByHand::Clone { vmid: 111, newid, name: None }).is_err(), "{newid}");
    }
}

#[tokio::test]
async fn a_recycled_vmid_is_another_guest_in_the_same_pool() {
    let lab = Lab::demo().await;
    lab.call("POST", "/pools", &json!({ "poolid": "p" })).await.data();
    for (vmid, path) in [(111, GUEST), (120, "/nodes/pve2/lxc/120")] {
        lab.call("PUT", "/pools/p", &json!({ "vms": vmid })).await.data();
        lab.call("PUT", &format!("{path}/config"), &json!({ "description": "marker" })).await.data();
        let old = lab.get(&format!("{path}/config")).await;
        lab.running.by_hand(&ByHand::Recycle { vmid, name: None }).unwrap();
        let new = lab.get(&format!("{path}/config")).await;
        assert_eq!((&new["description"], &new["tags"]), (&Value::Null, &Value::Null));
        let name = if vmid == 111 { "name" } else { "hostname" };
        assert_eq!(old[name], new[name]);
        assert_ne!(old["net0"], new["net0"]);
        if vmid == 111 {
            assert_ne!(old["smbios1"], new["smbios1"]);
        }
        assert_eq!(lab.get(&format!("{path}/status/current")).await["status"], "stopped");
        let node = path.split('/').nth(2).unwrap();
        let content = lab.get(&format!("/nodes/{node}/storage/local-lvm/content")).await;
        assert_eq!(volumes(&content, vmid).len(), 1, "the old guest's disk is gone");
    }
    let members = lab.get("/pools/p").await["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_destroyed_guest_is_gone_with_its_disks() {
    let lab = Lab::demo().await;
    lab.running.by_hand(&ByHand::Destroy { vmid: 111 }).unwrap();
    assert_eq!(lab.call("GET", &format!("{GUEST}/config"), &Value::Null).await.status, 500);
    assert!(volumes(&lab.get("/nodes/pve1/storage/local-lvm/content").await, 111).is_empty());
    assert!(lab.running.by_hand(&ByHand::Destroy { vmid: 111 }).is_err());
}

#[tokio::test]
async fn what_is_done_by_hand_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let lab = Lab::start(mycopod_sandbox::World::Demo, 0.0, Some(directory.path())).await;
    lab.running.by_hand(&ByHand::Rename { vmid: 111, name: "renamed".into() }).unwrap();
    drop(lab);
    let lab = Lab::start(mycopod_sandbox::World::Empty, 0.0, Some(directory.path())).await;
    assert_eq!(lab.get(&format!("{GUEST}/config")).await["name"], "renamed");
}
