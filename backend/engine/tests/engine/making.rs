//! What a guest to be made is and what it is made from, set in a form.

use mycopod_core::guest::Kind;
use mycopod_core::id::DeclarationId;
use mycopod_core::reading::LEAVE_OUT;
use mycopod_engine::Refusal;
use mycopod_engine::view::Detail;
use serde_json::{Value as Json, json};

use crate::edits::{answer, field, offered, set, states, take_back};
use crate::lab::Lab;

const CONTAINER_IMAGE: &str = "debian-12-standard_12.7-1_amd64.tar.zst";
const ALPINE: &str = "alpine-3.21-default_20241217_amd64.tar.xz";

/// The keys of the declaration's first guest.
fn keys(detail: &Detail) -> Vec<&str> {
    detail.intent.as_ref().unwrap()[0].fields.iter().map(|field| field.field.as_str()).collect()
}

/// What there is to choose from for a field of the declaration's first guest.
async fn choices(lab: &Lab, detail: &Detail, key: &str) -> Vec<String> {
    let offers = offered(lab, detail, 0).await;
    let field = offers.iter().find(|field| field.field == key).unwrap_or_else(|| panic!("no {key}: {offers:#?}"));
    let choices = field.schema["enum"].as_array().unwrap_or_else(|| panic!("{field:?}"));
    choices.iter().map(|choice| choice.as_str().unwrap().to_owned()).collect()
}

/// Why a field of the declaration's first guest was refused, beside its value.
async fn refusal(lab: &Lab, detail: &Detail, key: &str, value: Json) -> String {
    match set(lab, detail, key, value).await {
        Err(Refusal::Field { field, why }) if field == "value" => why,
        other => panic!("{key}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_kind_is_planned_made_and_taken_back() {
    let lab = Lab::running().await;
    let detail = lab.declare("Create a VM shop-01 with 2 cores, 2 GB memory and an 8 GB disk").await;
    assert_eq!(field(&detail, "kind").value, json!("vm"));
    assert!(serde_json::to_value(&field(&detail, "kind").source).unwrap()["kind"] == "said");
    assert!(keys(&detail).contains(&"disk.scsi0.size") && keys(&detail).contains(&"cpu"));

    let edited = set(&lab, &detail, "kind", json!("container")).await.unwrap();
    assert_eq!((edited.status, states(&edited)), ("awaiting_approval", vec!["holds"]), "{edited:#?}");
    let guest = &edited.intent.as_ref().unwrap()[0];
    assert_eq!((guest.kind, field(&edited, "image").value.as_str()), ("lxc", Some(CONTAINER_IMAGE)));
    let source = serde_json::to_value(&field(&edited, "kind").source).unwrap();
    assert_eq!(source, json!({ "kind": "set", "edit": 1, "by": lab.admin.email }));
    // What was said holds for the other kind as well, and what was there by default has the other kind's default.
    assert_eq!(field(&edited, "disk.rootfs.size").value, json!("8 GiB"));
    assert_eq!((&field(&edited, "cores").value, &field(&edited, "memory").value), (&json!(2), &json!("2 GiB")));
    assert!(keys(&edited).contains(&"unprivileged") && !keys(&edited).contains(&"cpu"));
    let refused = set(&lab, &edited, "kind", json!("container")).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(why)) if why.contains("container already")), "{refused:?}");
    for bad in [json!("box"), json!("lxc"), json!(1), json!(null)] {
        assert!(refusal(&lab, &edited, "kind", bad).await.contains("“vm” or “container”"));
    }

    let edited = set(&lab, &edited, "image", json!(ALPINE)).await.unwrap();
    let edited = set(&lab, &edited, "swap", json!("1 GiB")).await.unwrap();
    assert_eq!(states(&edited), ["holds", "holds", "holds"]);
    // Without the kind, what was set of it is asked about, and goes as any other edit does.
    let asked = take_back(&lab, &edited, 1).await.unwrap();
    assert_eq!(asked.status, "needs_answer", "{asked:#?}");
    let questions = &asked.reading.as_ref().unwrap().questions;
    let of_edits: Vec<_> = questions.iter().map(|question| question.edits.clone()).collect();
    assert_eq!(of_edits, [[2], [3]], "{questions:#?}");
    let back = take_back(&lab, &asked, 2).await.unwrap();
    let back = take_back(&lab, &back, 3).await.unwrap();
    assert_eq!((back.status, states(&back)), ("awaiting_approval", vec!["taken_back"; 3]), "{back:#?}");
    assert_eq!(keys(&back), keys(&detail));

    let edited = set(&lab, &back, "kind", json!("container")).await.unwrap();
    let edited = set(&lab, &edited, "image", json!("alpine")).await.unwrap();
    assert_eq!(field(&edited, "image").value, json!(ALPINE), "as people say it");
    assert_eq!(states(&edited)[3..], ["holds", "holds"]);
    lab.confirm(&edited).await;
    let guests = lab.named("shop-01").await;
    let [made] = guests.as_slice() else { panic!("{guests:#?}") };
    assert_eq!(made.guest.kind, Kind::Lxc);
    let files = lab.engine.export(None, mycopod_engine::Format::Intent).await.unwrap();
    let file = &files.iter().find(|file| file.guest == "shop-01").unwrap().content;
    assert!(file.contains("kind: container") && file.contains(&format!("image: {ALPINE}")), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_other_kind_does_not_have_stands_in_its_way_by_name() {
    let lab = Lab::running().await;
    let detail = lab.declare("Create a VM shop-01 with 2 cores, 2 sockets and an 8 GB disk").await;
    let why = refusal(&lab, &detail, "kind", json!("container")).await;
    assert_eq!(why, "A container has no “Sockets”. Declare the guest anew without it. Nothing was changed.");

    let detail = lab.declare("Create a VM shop-02 with 2 cores and an 8 GB disk").await;
    let edited = set(&lab, &detail, "cpu", json!("host")).await.unwrap();
    let edited = set(&lab, &edited, "disk.scsi1", json!({ "size": "2 GiB" })).await.unwrap();
    let why = refusal(&lab, &edited, "kind", json!("container")).await;
    assert!(why.contains("no “CPU type” (edit 1), “Disk scsi1” (edit 2). Take back what was set"), "{why}");
    let after = lab.engine.detail(&lab.admin, DeclarationId(edited.id)).await.unwrap();
    assert_eq!((after.edits.len(), after.status), (2, "awaiting_approval"), "nothing was changed");
    let back = take_back(&lab, &edited, 2).await.unwrap();
    let back = take_back(&lab, &back, 1).await.unwrap();
    let edited = set(&lab, &back, "kind", json!("container")).await.unwrap();
    assert_eq!(edited.status, "awaiting_approval", "{edited:#?}");

    // A file names a disk by its slot.
    let file = "mycopod: v1\nguests:\n  - {name: shop-03, kind: vm, disk: {scsi0: {size: 4 GiB}}}";
    let why = refusal(&lab, &lab.declare(file).await, "kind", json!("container")).await;
    assert!(why.contains("“Disk scsi0 size”"), "{why}");
    let file = "mycopod: v1\nguests:\n  - {name: shop-03, kind: vm, cores: 2}";
    let edited = set(&lab, &lab.declare(file).await, "kind", json!("container")).await.unwrap();
    assert_eq!((edited.status, edited.intent.as_ref().unwrap()[0].kind), ("awaiting_approval", "lxc"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_one_of_those_that_the_cluster_has() {
    let lab = Lab::running().await;
    let detail = lab.declare("Create a VM shop-01 with 2 cores and an 8 GB disk").await;
    assert_eq!(choices(&lab, &detail, "image").await, ["", "debian-12", "ubuntu-24.04"]);
    assert_eq!(choices(&lab, &detail, "cdrom").await, ["", "local:iso/debian-12.10.0-amd64-netinst.iso", "none"]);
    for bad in ["windows", ALPINE, "9999"] {
        let why = refusal(&lab, &detail, "image", json!(bad)).await;
        let expected = format!("There is no image “{bad}” for a VM.");
        assert!(why.starts_with(&expected) && why.contains("There is debian-12, ubuntu-24.04. Nothing"), "{why}");
    }
    let refused = set(&lab, &detail, "image", json!(null)).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(why)) if why.contains("“Image” is none already")), "{refused:?}");

    let edited = set(&lab, &detail, "image", json!("ubuntu-24.04")).await.unwrap();
    assert_eq!((edited.status, states(&edited)), ("awaiting_approval", vec!["holds"]), "{edited:#?}");
    assert_eq!(field(&edited, "image").value, json!("ubuntu-24.04"));
    assert!(!keys(&edited).contains(&"cpu"), "what is made from a template stays as the template is");
    assert_eq!(choices(&lab, &edited, "image").await.len(), 3, "it is offered to be set anew");
    assert_eq!(set(&lab, &edited, "image", json!("")).await.unwrap().edits[1].to, json!(null));
    let bare = lab.settled(DeclarationId(edited.id)).await;
    assert_eq!((states(&bare), bare.status), (vec!["replaced", "holds"], "awaiting_approval"), "{bare:#?}");
    assert!(keys(&bare).contains(&"cpu") && !keys(&bare).contains(&"image"));
    let why = refusal(&lab, &bare, "kind", json!("container")).await;
    assert!(why.contains("“Image” (edit 2)"), "a container is made from something: {why}");
    let back = take_back(&lab, &bare, 2).await.unwrap();
    lab.confirm(&back).await;
    assert_eq!(lab.named("shop-01").await.len(), 1);

    // A template that is there was said, and another is set.
    let detail = lab.declare("debian 12 vm shop-02: 1 core, 1 GB memory, 8 GB disk").await;
    let edited = set(&lab, &detail, "image", json!("ubuntu-24.04")).await.unwrap();
    let rows = &edited.reading.as_ref().unwrap().statements[0].fields;
    let row = rows.iter().find(|row| row.field == "image").unwrap();
    assert_eq!(row.set.first().map(|set| set.value.as_str()), Some("ubuntu-24.04"), "{rows:#?}");
    lab.confirm(&edited).await;
    let files = lab.engine.export(None, mycopod_engine::Format::Intent).await.unwrap();
    let file = &files.iter().find(|file| file.guest == "shop-02").unwrap().content;
    assert!(file.contains("image: ubuntu-24.04"), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_does_not_fit_the_kind_is_asked_about() {
    let lab = Lab::running().await;
    let detail = lab.declare("ubuntu 24.04 vm shop-01: 1 core, 1 GB memory, 8 GB disk").await;
    let asked = set(&lab, &detail, "kind", json!("container")).await.unwrap();
    let question = &asked.reading.as_ref().unwrap().questions[0];
    assert_eq!((asked.status, question.edits.as_slice()), ("needs_answer", &[1][..]), "{asked:#?}");
    assert!(question.text.starts_with("Set in the form: Kind of shop-01 to container. "), "{question:?}");
    assert!(question.options.iter().any(|option| option == ALPINE), "{question:?}");
    let back = take_back(&lab, &asked, 1).await.unwrap();
    assert_eq!((back.status, states(&back)), ("awaiting_approval", vec!["taken_back"]));

    // Set in the form, the question is about that edit; where the edit is left out, what was said holds.
    let detail = lab.declare("debian 12 vm shop-02: 1 core, 1 GB memory, 8 GB disk").await;
    let edited = set(&lab, &detail, "image", json!("ubuntu-24.04")).await.unwrap();
    let asked = set(&lab, &edited, "kind", json!("container")).await.unwrap();
    let question = &asked.reading.as_ref().unwrap().questions[0];
    assert_eq!((asked.status, question.edits.as_slice()), ("needs_answer", &[1][..]), "{asked:#?}");
    assert!(question.text.starts_with("Set in the form: Image of shop-02 to ubuntu-24.04. "), "{question:?}");
    let left_out = answer(&lab, &asked, LEAVE_OUT).await;
    assert_eq!((left_out.status, states(&left_out)), ("awaiting_approval", vec!["answered", "holds"]));
    assert_eq!(field(&left_out, "image").value, json!(CONTAINER_IMAGE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_of_another_guest_and_of_its_kind() {
    let lab = Lab::running().await;
    let detail = lab.declare("clone test-1 as test-9").await;
    assert_eq!(field(&detail, "image").value, json!("test-1"), "{detail:#?}");
    let why = refusal(&lab, &detail, "kind", json!("container")).await;
    assert!(why.contains("A copy is of the kind of what it is a copy of"), "{why}");
    let offered = choices(&lab, &detail, "image").await;
    assert!(offered.iter().any(|name| name == "db-1") && !offered.iter().any(String::is_empty), "{offered:?}");
    assert!(offered.iter().any(|name| name == "debian-12 (9000 on pve1)"), "two are called so: {offered:?}");
    for (bad, part) in [
        ("web-99", "There is no VM “web-99”"),
        ("debian-12", "2 guests are called debian-12"),
        ("", "A copy is made from"),
    ] {
        let why = refusal(&lab, &detail, "image", json!(bad)).await;
        assert!(why.contains(part), "{why}");
    }
    let edited = set(&lab, &detail, "image", json!("test-2")).await.unwrap();
    assert_eq!((edited.status, states(&edited)), ("awaiting_approval", vec!["holds"]), "{edited:#?}");
    lab.confirm(&edited).await;
    assert_eq!(lab.named("test-9").await[0].guest.node, "pve2", "where test-2 is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_exists_stays_what_it_was_made_as() {
    let lab = Lab::running().await;
    lab.make("vm calm-1: 1 core, 1 GB memory, 4 GB disk").await;
    let detail = lab.declare("set calm-1 to 3 cores").await;
    for (key, value) in [("kind", "container"), ("image", "debian-12")] {
        let refused = set(&lab, &detail, key, json!(value)).await;
        let is_said = |why: &str| why.contains("stays what it was made as");
        assert!(
            matches!(&refused, Err(Refusal::Field { field, why }) if field == "field" && is_said(why)),
            "{refused:?}"
        );
    }
    let offers = offered(&lab, &detail, 0).await;
    assert!(offers.iter().all(|field| !["kind", "image", "node"].contains(&field.field.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_imported_from_a_cloud_image() {
    let lab = Lab::running().await;
    lab.make("download https://example.org/images/noble.qcow2 to local on pve1").await;
    lab.make("vm calm-1: 1 core, 1 GB memory, 4 GB disk on node pve1").await;
    // The disk on which a new guest begins, and a further one of a guest that exists.
    let detail =
        lab.declare("Create a VM shop-01 with 2 cores and an 8 GB disk on node pve1. Set calm-1 to 2 cores").await;
    let (id, guests) = (DeclarationId(detail.id), detail.intent.as_ref().unwrap());
    let image = "local:import/noble.qcow2";
    assert_eq!(choices(&lab, &detail, "disk.scsi0.import").await, [image]);
    let of_old = offered(&lab, &detail, 1).await;
    assert!(of_old.iter().all(|field| field.field != "disk.scsi0.import"), "what is there is not overwritten");
    let further = of_old.iter().find(|field| field.field == "disk.scsi1").unwrap();
    assert_eq!(further.schema["properties"]["import"]["enum"], json!([image]));
    let disk = json!({ "size": "6 GiB", "storage": "local", "import": image });
    for (guest, key, value) in [(0, "disk.scsi0.import", json!(image)), (1, "disk.scsi1", disk)] {
        lab.engine.edit(&lab.admin, id, &guests[guest].id, key, &value).await.unwrap();
        let edited = lab.settled(id).await;
        assert_eq!(edited.status, "awaiting_approval", "{edited:#?}");
    }
    let edited = lab.settled(id).await;
    assert_eq!(states(&edited), ["holds", "holds"]);
    let done = lab.confirm(&edited).await;
    assert_eq!(done.status, "converged", "{done:#?}");
    for (name, key, size) in [("shop-01", "disk.scsi0.size", "8 GiB"), ("calm-1", "disk.scsi1.size", "6 GiB")] {
        let seen = &lab.named(name).await[0];
        assert_eq!(seen.get(&key.parse().unwrap()).unwrap().to_string(), size, "{name}");
    }
    assert!(is_imported(&lab, "calm-1", "scsi1").await);
    // What was imported is not imported again.
    let again = lab.engine.dry_plan("Set calm-1 to 2 cores").await.unwrap();
    assert!(again.plan.as_ref().is_some_and(|plan| plan.steps.is_empty()), "{again:#?}");
    // A disk that is there is not overwritten.
    let detail = lab.declare("set calm-1 to 3 cores").await;
    let asked = set(&lab, &detail, "disk.scsi1.import", json!(image)).await.unwrap();
    assert!(asked.reading.as_ref().unwrap().questions[0].text.contains("Disk scsi1 of calm-1 exists"), "{asked:#?}");
    // Nor is one that no storage has taken.
    let detail = lab.declare("set calm-1 to 4 cores").await;
    let asked = set(&lab, &detail, "disk.scsi2", json!({ "size": "2 GiB", "import": "local:import/none.qcow2" })).await;
    let asked = asked.unwrap();
    let question = &asked.reading.as_ref().unwrap().questions[0];
    assert_eq!((question.edits.as_slice(), &question.options[0]), (&[1][..], &image.to_owned()), "{question:?}");
}

/// Whether the disk was copied from an image, whose format it has then on a storage of files.
async fn is_imported(lab: &Lab, guest: &str, slot: &str) -> bool {
    lab.named(guest).await[0].raw[slot].contains(".qcow2")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_adds_an_imported_disk_to_a_guest_that_exists_and_says_the_same_afterwards() {
    let lab = Lab::running().await;
    lab.make("download https://example.org/images/noble.qcow2 to local on pve1").await;
    lab.make("vm calm-1: 1 core, 1 GB memory, 4 GB disk on node pve1").await;
    let disk = |import: &str| format!("scsi1: {{size: 6 GiB, storage: local{import}}}");
    let file = |import| format!("mycopod: v1\nguests:\n  - {{name: calm-1, kind: vm, disk: {{{}}}}}", disk(import));
    let image = ", import: \"local:import/noble.qcow2\"";
    lab.make(&file(image)).await;
    assert!(is_imported(&lab, "calm-1", "scsi1").await, "an empty disk is not what was said");
    for said in [image, ""] {
        let again = lab.engine.dry_plan(&file(said)).await.unwrap();
        assert!(again.plan.as_ref().is_some_and(|plan| plan.steps.is_empty()), "{again:#?}");
    }
}
