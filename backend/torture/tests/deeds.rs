//! There is a deed for everything that a plan can do.

use std::collections::BTreeSet;

use mycopod_core::facility::FacilityCall;
use mycopod_core::firewall::FirewallCall;
use mycopod_core::plan::Action;
use mycopod_torture::deeds::DEEDS;

/// The names of all variants, from matches that no longer compile when one is added.
macro_rules! all {
    ($name:ident: $type:ident { $($variant:pat => $text:literal,)* }) => {
        fn $name(of: Option<&$type>) -> Vec<&'static str> {
            match of {
                $(Some($variant) => vec![$text],)*
                None => vec![$($text),*],
            }
        }
    };
}

all! { of_guests: Action {
    Action::Create { .. } => "create",
    Action::Clone { .. } => "clone",
    Action::Adopt => "adopt",
    Action::Update { .. } => "update",
    Action::AddDisk { .. } => "add_disk",
    Action::Resize { .. } => "resize",
    Action::MoveDisk { .. } => "move_disk",
    Action::Detach { .. } => "detach",
    Action::DestroyVolume { .. } => "destroy_volume",
    Action::RemoveNic { .. } => "remove_nic",
    Action::SetPool { .. } => "set_pool",
    Action::SetHa { .. } => "set_ha",
    Action::Start => "start",
    Action::Shutdown { .. } => "shutdown",
    Action::Stop => "stop",
    Action::Reboot => "reboot",
    Action::Suspend => "suspend",
    Action::Resume => "resume",
    Action::Snapshot { .. } => "snapshot",
    Action::Rollback { .. } => "rollback",
    Action::DeleteSnapshot { .. } => "delete_snapshot",
    Action::Backup { .. } => "backup",
    Action::Restore { .. } => "restore",
    Action::MakeTemplate => "make_template",
    Action::Migrate { .. } => "migrate",
    Action::Delete => "delete",
    // Named by their calls, below.
    Action::Firewall(_) => "add_rule",
    Action::Facility(_) => "make_pool",
} }

all! { of_firewalls: FirewallCall {
    FirewallCall::SetOptions(_) => "set_firewall",
    FirewallCall::AddRule { .. } => "add_rule",
    FirewallCall::ChangeRule { .. } => "change_rule",
    FirewallCall::MoveRule { .. } => "move_rule",
    FirewallCall::RemoveRule { .. } => "remove_rule",
    FirewallCall::RemoveDouble { .. } => "remove_double",
    FirewallCall::AddSet { .. } => "add_ipset",
    FirewallCall::AddEntry { .. } => "add_ipset_entry",
    FirewallCall::RemoveEntry { .. } => "remove_ipset_entry",
    FirewallCall::RemoveSet { .. } => "remove_ipset",
    FirewallCall::AddAlias { .. } => "add_alias",
    FirewallCall::ChangeAlias { .. } => "change_alias",
    FirewallCall::RemoveAlias { .. } => "remove_alias",
} }

all! { of_facilities: FacilityCall {
    FacilityCall::MakePool { .. } => "make_pool",
    FacilityCall::DeletePool => "delete_pool",
    FacilityCall::Download { .. } => "download",
    FacilityCall::DeleteFile => "delete_file",
    FacilityCall::MakeBackupJob(_) => "make_backup_job",
    FacilityCall::DeleteBackupJob => "delete_backup_job",
} }

#[test]
fn every_action_is_tried() {
    let tried: BTreeSet<&str> = DEEDS.iter().flat_map(|deed| deed.actions).copied().collect();
    let all = [of_guests(None), of_firewalls(None), of_facilities(None)].concat();
    let untried: Vec<_> = all.iter().filter(|name| !tried.contains(*name)).collect();
    assert!(untried.is_empty(), "without a deed: {untried:?}");
    assert!(tried.iter().all(|name| all.contains(name)), "a deed does what no action is called");
    assert_eq!(of_guests(Some(&Action::Start)), [Action::Start.name()]);
}

#[test]
fn deeds_are_told_apart_by_their_names() {
    let names: BTreeSet<&str> = DEEDS.iter().map(|deed| deed.name).collect();
    assert_eq!(names.len(), DEEDS.len());
}
