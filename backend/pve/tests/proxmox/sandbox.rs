//! The suite on the sandbox, which answers as a real Proxmox does, and what only the sandbox can be told to do.

use crate::common::{client, step, vmid};
use crate::trial::Trial;
use crate::{deeds, suite};
use mycopod_core::guest::{GuestKey, Kind, Power};
use mycopod_core::observed::{Look, Origin, Ownership};
use mycopod_core::plan::Action;
use mycopod_core::ports::{CallError, Hypervisor, Submitted};
use mycopod_core::size::Size;
use mycopod_pve::{Credential, Pve, Trust};
use mycopod_sandbox::{Effect, Fault, Options, Running, Sandbox, World};

pub async fn sandbox() -> (Running, Pve) {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        world: World::Demo,
        token: None,
        time_scale: 0.0,
        data_dir: None,
    };
    let running = Sandbox::start(options).await.unwrap();
    let pve = client(&running.url(), Credential::Token(running.token().to_owned().into()), trust(&running));
    (running, pve)
}

fn trust(running: &Running) -> Trust {
    Trust::CaFile(running.ca_pem().as_bytes().to_vec())
}

/// A part of the suite, in which the sandbox differs nowhere.
async fn agrees(part: impl AsyncFnOnce(&mut Trial)) {
    let (running, _) = sandbox().await;
    let token = Credential::Token(running.token().to_owned().into());
    let mut trial = Trial::of(&running.url(), running.ca_pem(), token);
    part(&mut trial).await;
    assert_eq!(trial.differences, []);
}

#[tokio::test]
async fn the_demo_cluster_is_seen_as_a_real_one() {
    agrees(suite::cluster).await;
}

#[tokio::test]
async fn a_vm_lives_from_create_to_delete() {
    agrees(suite::vm).await;
}

#[tokio::test]
async fn a_container_lives_from_create_to_delete() {
    agrees(suite::container).await;
}

#[tokio::test]
async fn a_copy_is_ours_and_its_template_is_not() {
    agrees(suite::copies).await;
}

#[tokio::test]
async fn adopting_changes_the_notes_and_nothing_else() {
    agrees(suite::adopting).await;
}

#[tokio::test]
async fn a_configuration_that_changed_since_the_look_is_left_alone() {
    agrees(suite::stale).await;
}

#[tokio::test]
async fn an_unknown_task_is_unknown_and_a_failed_one_says_why() {
    agrees(suite::tasks).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_as_by_a_real_one() {
    agrees(suite::vm_refusals).await;
    agrees(suite::container_refusals).await;
}

#[tokio::test]
async fn a_vm_is_paused_taken_back_moved_and_made_a_template() {
    agrees(deeds::vm_deeds).await;
}

#[tokio::test]
async fn a_container_is_taken_back_moved_and_made_a_template() {
    agrees(deeds::container_deeds).await;
}

#[tokio::test]
async fn who_may_not_log_in_is_told_so() {
    agrees(suite::logins).await;
}

#[tokio::test]
async fn the_demo_cluster_is_seen_whole() {
    let (_running, pve) = sandbox().await;
    let observed = pve.observe().await.unwrap();
    assert!(observed.is_complete() && observed.nodes.len() == 2, "{:?}", observed.nodes);
    assert!(observed.version.starts_with("8.4"));
    let node = observed.node("pve1").unwrap();
    assert_eq!((node.cpus, node.memory), (32, Size::gib(256)));
    assert!(node.bridges["vmbr1"].vlan_aware);
    assert_eq!(node.storages["local-lvm"].total, Size::gib(4096));
    for name in ["debian-12", "ubuntu-24.04"] {
        let image = observed.images.iter().find(|image| image.name == name && image.node == "pve2").unwrap();
        assert!(matches!(image.origin, Origin::Template(_)) && image.disk.is_some());
    }
    assert!(observed.images.iter().any(|image| image.kind == Kind::Lxc && image.name.starts_with("debian-12")));
    let web = observed.guests.iter().find(|seen| seen.guest.name == "web-01").unwrap();
    assert_eq!((web.power, web.ownership), (Power::Running, Ownership::Unmarked));
}

#[tokio::test]
async fn what_became_of_a_lost_call_is_told_by_a_look() {
    let (running, pve) = sandbox().await;
    let start = step(Kind::Qemu, 111, "pve1", "test-1", Action::Start);
    let inject = |effect| running.inject(Fault::request("POST", "/nodes/*/qemu/*/status/start", effect)).unwrap();
    let seen = pve.look(start.guest().unwrap().key()).await.unwrap();
    let power = async || match pve.look(GuestKey { kind: Kind::Qemu, vmid: vmid(111) }).await.unwrap() {
        Look::Present(seen) => seen.power,
        other => panic!("{other:?}"),
    };

    inject(Effect::Answer { status: 595, reason: "Connection refused".into(), executed: false });
    assert!(matches!(pve.submit(&start, &seen, None).await, Err(CallError::NotSent(_))));
    inject(Effect::DropRequest);
    assert!(matches!(pve.submit(&start, &seen, None).await, Err(CallError::MaybeSent(_))));
    assert_eq!(power().await, Power::Stopped);
    inject(Effect::DropReply);
    assert!(matches!(pve.submit(&start, &seen, None).await, Err(CallError::MaybeSent(_))));
    assert_eq!(power().await, Power::Running);
}

#[tokio::test]
async fn a_password_serves_as_well_as_a_token() {
    let (running, _) = sandbox().await;
    let password =
        |password: &str| Credential::Password { user: "root@pam".into(), password: password.to_owned().into() };
    let pve = client(&running.url(), password("secret123"), trust(&running));
    let start = step(Kind::Qemu, 111, "pve1", "test-1", Action::Start);
    let seen = pve.look(start.guest().unwrap().key()).await.unwrap();
    assert!(matches!(pve.submit(&start, &seen, None).await, Ok(Submitted::Task(_))));
    let error = client(&running.url(), password("wrong"), trust(&running)).observe().await.unwrap_err();
    assert!(matches!(error, CallError::Rejected { status: 401, .. }), "{error}");
}
