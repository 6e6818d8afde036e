//! Typed intents: declared, planned dry, exported, and declared again.

use std::collections::BTreeSet;

use mycopod_core::id::DeclarationId;
use mycopod_engine::{Format, Refusal};
use mycopod_sandbox::{Effect, Fault};
use reqwest::Method;

use crate::lab::{Lab, engine};

const SHOP: &str = "mycopod: v1
guests:
  - name: shop-01
    kind: vm
    cores: 2
    memory: 2 GiB
    tags: [shop, web]
    onboot: true
    disk:
      scsi0: {size: 8 GiB, storage: local-lvm, discard: true}
      scsi1: {size: 4 GiB}
    nic:
      0: {bridge: vmbr1, vlan: 20}
  - name: shop-ct
    kind: container
    cores: 1
    memory: 512 MiB
    disk:
      rootfs: {size: 4 GiB}
      mp0: {size: 2 GiB, mount: /srv/data}
    running: true
";

async fn exported(lab: &Lab, names: &[&str]) -> Vec<String> {
    let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let files = lab.engine.export((!names.is_empty()).then_some(&names), Format::Intent).await.unwrap();
    files.into_iter().map(|file| file.content).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_is_made_exported_and_found_to_be_so() {
    let lab = Lab::running().await;
    let dry = lab.engine.dry_plan(SHOP).await.unwrap();
    assert_eq!(dry.plan.as_ref().map(|plan| plan.summary.create), Some(2), "{dry:#?}");
    assert!(lab.engine.list(&lab.admin, 10, None).await.unwrap().is_empty(), "nothing is kept");
    let reserved: i64 =
        sqlx::query_scalar("SELECT count(*) FROM resources").fetch_one(&lab.database.pool).await.unwrap();
    assert_eq!(reserved, 0, "and no VMID is reserved");

    let made = lab.make(SHOP).await;
    assert_eq!(made.reading.as_ref().unwrap().statements[0].verb, "ensure");
    assert!(lab.named("shop-ct").await[0].get(&"running".parse().unwrap()).unwrap().to_string() == "yes");
    assert_eq!(lab.named("shop-01").await[0].get(&"disk.scsi1.size".parse().unwrap()).unwrap().to_string(), "4 GiB");
    // What was made is so, and declared.
    let dry = lab.engine.dry_plan(SHOP).await.unwrap();
    assert!(dry.plan.as_ref().is_some_and(|plan| plan.steps.is_empty()), "{dry:#?}");
    assert!(dry.undeclared.is_empty(), "{dry:#?}");
    // The round trip: what is exported is so as well, and says the same when it is exported again.
    let files = exported(&lab, &[]).await;
    assert_eq!(files.len(), 2);
    for file in &files {
        let dry = lab.engine.dry_plan(file).await.unwrap();
        assert!(dry.plan.as_ref().is_some_and(|plan| plan.steps.is_empty()), "{file}\n{dry:#?}");
        assert!(dry.undeclared.is_empty(), "{file}\n{dry:#?}");
        let declared = lab.declare(file).await;
        assert_eq!(declared.status, "converged", "{file}\n{declared:#?}");
    }
    assert_eq!(exported(&lab, &[]).await, files);
    let first = lab.engine.detail(&lab.admin, DeclarationId(made.id)).await.unwrap();
    assert_eq!(first.status, "superseded", "the files say all that it said: {first:#?}");

    // A change in a file is a change of the guest.
    let file = files.iter().find(|file| file.contains("name: shop-01")).unwrap();
    let changed = lab.make(&file.replace("cores: 2", "cores: 3")).await;
    assert_eq!(changed.plan.as_ref().unwrap().summary.update, 1);
    assert_eq!(lab.named("shop-01").await[0].get(&"cores".parse().unwrap()).unwrap().to_string(), "3");
    // By its VMID one of ours is known whatever it is called.
    let renamed = lab.make(&file.replace("name: shop-01", "name: shop-02")).await;
    assert_eq!(renamed.plan.as_ref().unwrap().summary.create, 0, "{renamed:#?}");
    assert_eq!(lab.named("shop-02").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_is_nobodys_is_taken_over_only_where_that_is_said() {
    let lab = Lab::running().await;
    let guests = lab.engine.guests().await.unwrap();
    let other = guests.iter().find(|guest| !guest.managed && !guest.template && guest.kind == "qemu").unwrap();
    let files = exported(&lab, &[&other.name]).await;
    let file = &files[0];
    assert!(file.contains("adopt: true"), "{file}");

    let unsaid = lab.declare(&file.replace("    adopt: true\n", "")).await;
    assert_eq!(unsaid.status, "needs_answer", "{unsaid:#?}");
    assert!(unsaid.reading.unwrap().questions[0].text.contains("is not MycoPod’s"));
    let dry = lab.engine.dry_plan(file).await.unwrap();
    let actions: Vec<&str> = dry.plan.as_ref().unwrap().steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, ["adopt"], "what was seen is so: {file}\n{dry:#?}");
    lab.make(file).await;
    let again = lab.engine.dry_plan(file).await.unwrap();
    assert!(again.plan.as_ref().unwrap().steps.is_empty() && again.undeclared.is_empty(), "{again:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_cluster_is_asked_and_what_is_no_intent_is_refused() {
    let lab = Lab::running().await;
    for (intent, part) in [
        ("mycopod: v1\nguests:\n  - {name: a, kind: vm, coers: 4}", "line 3, guests[0].coers"),
        ("mycopod: v9\nguests: []", "this version is not known"),
        ("{\"mycopod\": \"v1\"}", "names no guests"),
    ] {
        let refused = lab.engine.declare(&lab.admin, intent).await;
        assert!(matches!(&refused, Err(Refusal::Invalid(why)) if why.contains(part)), "{refused:?}");
        let refused = lab.engine.dry_plan(intent).await;
        assert!(matches!(&refused, Err(Refusal::Invalid(why)) if why.contains(part)), "{refused:?}");
    }
    lab.make(SHOP).await;
    for (guest, part) in [
        ("name: shop-01, kind: container", "A guest stays what it was made as"),
        ("name: shop-01, kind: vm, vmid: 9000", "the intent says 9000"),
        ("name: shop-01, kind: vm, node: pve9", "An intent moves no guest"),
        ("name: shop-01, kind: vm, disk: {scsi0: {size: 1 GiB}}", "cannot shrink"),
        ("name: shop-01, kind: vm, disk: {scsi7: {ssd: true}}", "has no disk scsi7"),
        ("name: shop-01, kind: vm, nic: {0: {bridge: vmbr77}}", "no bridge vmbr77"),
        ("name: shop-09, kind: container, password: nowhere", "nowhere"),
        ("name: shop-09, kind: vm, vmid: 103", "VMID 103 is"),
    ] {
        let dry = lab.engine.dry_plan(&format!("mycopod: v1\nguests:\n  - {{{guest}}}\n")).await.unwrap();
        assert!(
            dry.plan.is_none() && dry.reading.questions.iter().any(|asked| asked.text.contains(part)),
            "{guest}: {dry:#?}"
        );
    }
    let missing = lab.engine.export(Some(&BTreeSet::from(["nobody".to_owned()])), Format::Intent).await;
    assert!(matches!(missing, Err(Refusal::NotFound(_))), "{missing:?}");

    // Of a cluster that never answered nothing is known, which is not that it has no guests.
    let early = engine(&lab.database, lab.pve.clone());
    lab.sandbox.inject(Fault::request("GET", "/**", Effect::DropRequest).times(1_000)).unwrap();
    let silent = early.export(None, Format::Intent).await;
    assert!(matches!(silent, Err(Refusal::Unavailable(_))), "{silent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_is_seen_by_a_dry_plan_and_terraform_says_all() {
    let lab = Lab::running().await;
    lab.make(SHOP).await;
    let seen = &lab.named("shop-01").await[0];
    let path = format!("/nodes/{}/qemu/{}/config", seen.guest.node, seen.guest.vmid);
    lab.by_hand(Method::PUT, &path, &[("memory", "1024")]).await;
    let dry = lab.engine.dry_plan(SHOP).await.unwrap();
    let fields: Vec<&str> = dry
        .plan
        .iter()
        .flat_map(|plan| &plan.steps)
        .flat_map(|step| &step.changes)
        .map(|change| change.field.as_str())
        .collect();
    assert_eq!(fields, ["memory"], "{dry:#?}");
    let names = BTreeSet::from(["shop-01".to_owned()]);
    let files = lab.engine.export(Some(&names), Format::Terraform).await.unwrap();
    let text = &files[0].content;
    for part in ["proxmox_virtual_environment_vm\" \"shop-01\"", "vlan_id", "dedicated = 2048", "import {"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("does not say name"), "it is said once, as what it is called: {text}");
    lab.make("debian 12 vm copy-01: 1 core, 1 GB memory, 8 GB disk").await;
    let file = &exported(&lab, &["copy-01"]).await[0];
    assert!(file.contains("image: "), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn terraform_names_a_containers_template_by_its_volume() {
    let lab = Lab::running().await;
    // By default, and as it was said.
    lab.make("container dns-1: 1 core, 512 MB memory, 4 GB disk").await;
    lab.make("debian 12 container dns-2: 1 core, 512 MB memory, 4 GB disk").await;
    for name in ["dns-1", "dns-2"] {
        let files = lab.engine.export(Some(&BTreeSet::from([name.to_owned()])), Format::Terraform).await.unwrap();
        let text = &files[0].content;
        let line = text.lines().find(|line| line.contains("template_file_id")).unwrap();
        assert!(line.contains("\"local:vztmpl/debian-12-standard_") && !text.contains("variable"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terraform_says_of_which_template_a_container_is_a_copy() {
    let lab = Lab::running().await;
    lab.make("container dns-base: 1 core, 512 MB memory, 4 GB disk on node pve1").await;
    lab.make("make a template of dns-base").await;
    lab.make("clone dns-base as dns-1").await;
    let template = lab.named("dns-base").await[0].guest.vmid;
    let files = lab.engine.export(Some(&BTreeSet::from(["dns-1".to_owned()])), Format::Terraform).await.unwrap();
    let text = &files[0].content;
    let clone =
        text.split("clone {").nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_else(|| panic!("{text}"));
    assert!(clone.contains("\"pve1\"") && clone.contains(&format!("= {template}\n")), "{clone}");
    assert!(!text.contains("variable") && !text.contains("template_file_id"), "{text}");
}
