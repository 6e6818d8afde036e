//! Pools, files and backup jobs: made before the guests that need them, deleted after those that used them.

use crate::life::Life;
use crate::planning::{actions, asked, intent};
use crate::support::{Saying, answer, by_name, cluster, named_mut, question, resolved, text, to};
use mycopod_core::facility::{Backed, BackupJob, Facility, FacilityCall};
use mycopod_core::field::{DiskPart, Field, Plain, Slot};
use mycopod_core::guest::Vmid;
use mycopod_core::intent::Wish;
use mycopod_core::observed::{NodeState, Observed};
use mycopod_core::plan::{Effect, Plan, Touch};
use mycopod_core::reading::{Deed, LEAVE_OUT, Sourced, WantedBacked, WantedFacility, What};

fn wanted(make: impl FnOnce(&mut Saying) -> WantedFacility) -> Saying {
    Saying::default().statement(|saying| What::Facility(make(saying)))
}

fn word(saying: &mut Saying, word: &str) -> Sourced<String> {
    saying.said(word.to_owned())
}

fn make_pool(name: &str, members: &[&str]) -> Saying {
    wanted(|saying| {
        let members = members.iter().map(|name| saying.target(by_name(name))).collect();
        WantedFacility::MakePool { name: word(saying, name), comment: None, members }
    })
}

fn delete_pool(name: &str) -> Saying {
    wanted(|saying| WantedFacility::DeletePool { name: word(saying, name) })
}

fn download(url: &str, storage: Option<&str>, node: Option<&str>, checksum: Option<&str>) -> Saying {
    wanted(|saying| WantedFacility::Download {
        url: word(saying, url),
        storage: storage.map(|name| word(saying, name)),
        node: node.map(|name| word(saying, name)),
        file: None,
        checksum: checksum.map(|digits| word(saying, digits)),
    })
}

fn nightly(guests: &[&str], schedule: &str) -> Saying {
    wanted(|saying| {
        let targets = guests.iter().map(|name| saying.target(by_name(name))).collect();
        WantedFacility::MakeBackupJob {
            guests: WantedBacked::Guests(targets),
            schedule: word(saying, schedule),
            storage: None,
            mode: None,
            keep: vec![("keep-daily".to_owned(), saying.said(7))],
        }
    })
}

fn planned(saying: &Saying, observed: &Observed) -> Plan {
    Life::new(observed.clone()).plan(&intent(saying, observed)).unwrap()
}

/// Carries a saying out, and makes sure that nothing is left to do.
fn carried_out(saying: &Saying, observed: &Observed) -> Observed {
    let wanted = intent(saying, observed);
    let mut life = Life::new(observed.clone());
    let plan = life.plan(&wanted).unwrap();
    life.reserve(&plan);
    life.carry_out(plan.steps());
    life.deeds_are_done(&wanted);
    assert!(life.plan(&wanted).unwrap().is_empty());
    life.observed
}

#[test]
fn a_pool_is_made_before_the_guests_that_join_it() {
    let saying = make_pool("shop/web", &["web-01"]);
    let plan = planned(&saying, &cluster());
    assert_eq!(actions(&plan), ["make_pool", "adopt", "set_pool"]);
    let [made, .., joins] = plan.steps() else { panic!("{plan:?}") };
    assert!(made.touches().contains(&Touch::Pool("shop/web".into())));
    assert!(!made.touches().is_disjoint(&joins.touches()), "the guest waits for its pool");
    assert!(carried_out(&saying, &cluster()).pools.contains("shop/web"));
}

#[test]
fn a_pool_that_is_there_is_not_made_again() {
    let plan = planned(&make_pool("prod", &[]), &cluster());
    assert!(plan.is_empty() && plan.notes()[0].contains("there already"), "{plan:?}");
    let bad = question(&make_pool("a/b/c/d", &[]), &cluster());
    assert!(bad.text.contains("cannot be a pool’s name"), "{}", bad.text);
}

#[test]
fn only_an_empty_pool_is_deleted() {
    let observed = carried_out(&delete_pool("lab"), &cluster());
    assert!(!observed.pools.contains("lab"));
    let mut full = cluster();
    named_mut(&mut full, "web-01").fields.insert(Plain::Pool.into(), text("lab"));
    let doubts = asked(&delete_pool("lab"), &Life::new(full.clone()));
    assert!(doubts[0].text.contains("not empty") && doubts[0].text.contains("web-01"), "{doubts:?}");
    assert!(resolved(&delete_pool("lab"), &full, &answer(&doubts[0], LEAVE_OUT)).is_err(), "nothing is left");
    // What the same declaration takes out of it is out of it by then.
    let both = Saying::default().change(by_name("web-01"), &[to(Plain::Pool, text(""))]);
    let both = both.statement(|saying| What::Facility(WantedFacility::DeletePool { name: word(saying, "lab") }));
    let plan = planned(&both, &full);
    assert_eq!(actions(&plan).last(), Some(&"delete_pool"));
    assert!(question(&delete_pool("nope"), &cluster()).text.contains("There is no pool nope"));
    let mut nested = cluster();
    nested.pools.insert("lab/inner".into());
    assert!(asked(&delete_pool("lab"), &Life::new(nested))[0].text.contains("pool lab/inner"));
}

#[test]
fn a_download_names_its_node_storage_and_checksum() {
    let digits = "ab".repeat(32);
    let url = "https://example.org/images/tiny-12.iso?x=1";
    let saying = download(url, Some("local"), Some("pve1"), Some(&digits));
    let plan = planned(&saying, &cluster());
    let [step] = plan.steps() else { panic!("{plan:?}") };
    assert_eq!(step.node(), Some("pve1"));
    assert_eq!(step.name(), "local:iso/tiny-12.iso");
    assert!(step.summary.contains("sha256"), "{}", step.summary);
    carried_out(&saying, &cluster());
    // Each node has a storage local of its own.
    assert!(question(&download(url, Some("local"), None, None), &cluster()).text.contains("On which one"));
    assert!(
        question(&download(url, Some("local"), Some("pve1"), Some("abc")), &cluster()).text.contains("no checksum")
    );
    let odd = download("https://example.org/setup.exe", Some("local"), Some("pve1"), None);
    assert!(question(&odd, &cluster()).text.contains("does not tell what the file is"));
    let secret = download("https://me:hunter2@example.org/a.iso", Some("local"), Some("pve1"), None);
    assert!(!question(&secret, &cluster()).text.contains("hunter2"));
}

#[test]
fn deleting_a_file_destroys_data_and_one_in_use_stays() {
    let volume = cluster().volumes.iter().find(|volume| volume.content == "iso").unwrap().volume.clone();
    let delete = || wanted(|saying| WantedFacility::DeleteFile { volume: word(saying, &volume) });
    let mut observed = cluster();
    observed.volumes.retain(|known| known.volume != volume || known.node == "pve1");
    let plan = planned(&delete(), &observed);
    assert_eq!(plan.steps()[0].effect, Effect::Destroy);
    assert_eq!(plan.destroys().into_iter().collect::<Vec<_>>(), std::slice::from_ref(&volume));
    named_mut(&mut observed, "web-01").raw.insert("ide2".into(), format!("{volume},media=cdrom"));
    assert!(asked(&delete(), &Life::new(observed))[0].text.contains("in use by web-01"));
}

#[test]
fn a_backup_job_includes_the_guests_that_were_said() {
    let saying = nightly(&["web-01", "cache"], "mon..fri 02:30");
    let observed = carried_out(&saying, &cluster());
    let jobs = observed.backup_jobs.unwrap();
    let (id, job) = jobs.iter().next().unwrap();
    assert!(id.starts_with("mycopod-"), "{id}");
    assert!(matches!(&job.guests, Backed::Guests(vmids) if vmids.len() == 2));
    assert_eq!((job.schedule.as_str(), job.mode.as_str(), job.keep["keep-daily"]), ("mon..fri 02:30", "snapshot", 7));
    assert!(question(&nightly(&["web-01"], "whenever"), &cluster()).text.contains("no time at which"));
}

#[test]
fn jobs_that_may_not_be_seen_are_not_made() {
    let mut observed = cluster();
    observed.backup_jobs = None;
    let doubts = asked(&nightly(&["web-01"], "02:00"), &Life::new(observed));
    assert!(doubts[0].text.contains("privileges"), "{doubts:?}");
}

#[test]
fn deleting_a_guest_names_what_goes_with_it() {
    let mut observed = cluster();
    let vmid: Vmid = named_mut(&mut observed, "web-01").guest.vmid;
    let job = |guests| BackupJob {
        guests,
        schedule: "02:00".into(),
        storage: "local".into(),
        mode: "snapshot".into(),
        keep: std::collections::BTreeMap::new(),
    };
    observed.backup_jobs = Some(
        [
            ("nightly".to_owned(), job(Backed::Guests([vmid].into()))),
            ("other".to_owned(), job(Backed::Pool("x".into()))),
        ]
        .into(),
    );
    observed.replicas = [(vmid, ["pve2".to_owned()].into())].into();
    let saying = Saying::default().deed(by_name("web-01"), Deed::Delete);
    let wanted = intent(&saying, &observed);
    let plan = Life::new(observed).plan(&wanted).unwrap();
    let told = plan.steps().last().unwrap().collateral.join("\n");
    assert!(told.contains("backup job nightly") && !told.contains("other"), "{told}");
    assert!(told.contains("replication to pve2"), "{told}");
    assert!(told.contains("Its firewall"), "{told}");
}

#[test]
fn zfs_goes_back_to_the_newest_snapshot_alone() {
    let mut observed = cluster();
    let seen = named_mut(&mut observed, "web-01");
    seen.snapshots = Some(["first".to_owned(), "second".to_owned()].into());
    seen.raw.insert("parent".into(), "second".into());
    let Some(storage) = seen.fields.get(&Field::Disk(Slot::scsi(0), DiskPart::Storage)).map(ToString::to_string) else {
        panic!("it has a disk")
    };
    let back = |name: &str| {
        Saying::default()
            .deed(by_name("web-01"), Deed::Rollback { snapshot: Some(Saying::default().said(name.to_owned())) })
    };
    assert!(matches!(intent(&back("first"), &observed).wishes[..], [Wish::Once { .. }]));
    assert!(!planned(&back("first"), &observed).is_empty());
    for state in observed.nodes.values_mut() {
        if let NodeState::Seen(node) = state
            && let Some(storage) = node.storages.get_mut(&storage)
        {
            storage.kind = "zfspool".into();
        }
    }
    assert!(asked(&back("first"), &Life::new(observed.clone()))[0].text.contains("ZFS"));
    assert!(!planned(&back("second"), &observed).is_empty());
}

#[test]
fn what_is_left_out_is_left_out() {
    let mut full = cluster();
    named_mut(&mut full, "web-01").fields.insert(Plain::Pool.into(), text("lab"));
    let both = make_pool("new", &[]);
    let both = both.statement(|saying| What::Facility(WantedFacility::DeletePool { name: word(saying, "lab") }));
    let doubts = asked(&both, &Life::new(full.clone()));
    let left = resolved(&both, &full, &answer(&doubts[0], LEAVE_OUT)).unwrap();
    let made = FacilityCall::MakePool { comment: String::new() };
    assert_eq!(left.wishes, [Wish::Facility { facility: Facility::Pool("new".into()), call: made }]);
}
