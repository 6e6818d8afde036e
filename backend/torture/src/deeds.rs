//! What is done in all possible ways: together the deeds hold every action that a plan can have.

/// A call to Proxmox's own API: method, path, form. `{name}` in the path is the guest of that name.
pub type Call = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Something to be declared, from some state on.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    /// Its name.
    pub name: &'static str,
    /// What was declared and carried out before.
    pub before: &'static [&'static str],
    /// What somebody has done by hand since.
    pub by_hand: &'static [Call],
    /// What is declared now; [`AGAIN`] is the last one before. `{job}` is the id of the backup job that there is.
    pub text: &'static str,
    /// What its plan does, in order.
    pub actions: &'static [&'static str],
}

impl Deed {
    const fn new(
        name: &'static str,
        before: &'static [&'static str],
        text: &'static str,
        actions: &'static [&'static str],
    ) -> Self {
        Self { name, before, by_hand: &[], text, actions }
    }

    const fn by_hand(mut self, calls: &'static [Call]) -> Self {
        self.by_hand = calls;
        self
    }
}

/// Nothing new is declared: what was shall be so again.
pub const AGAIN: &str = "";

const SMALL: &str = "create a vm called one-1 with 1 core, 1 GB memory and a 2 GB disk on local-lvm";
const LARGE: &str = "create a vm called one-1 with 1 core, 1 GB memory and a 300 GB disk on local-lvm";
const ON_PVE1: &str = "create a vm called one-1 on pve1 with 1 core, 1 GB memory and a 2 GB disk on local-lvm";
const TWO_DISKS: &str = "create a vm called one-1 with 1 core, 1 GB memory, a 2 GB disk and a 3 GB disk on local-lvm";
const CT: &str = "an unprivileged Debian container named one-1 on pve1 with 1 core, 512 MB memory, 4 GB disk";
const START: &str = "start one-1";
const SNAPSHOT: &str = "snapshot one-1 as prior1";
const HTTPS: &str = "allow https to one-1 from 10.0.0.0/8";
const CLOSED: &str = "block incoming traffic on one-1 except ssh and https";
const ADMINS: &str = "create ip set admins on one-1 with 10.1.0.0/16 and 10.2.0.0/16";
const OFFICE: &str = "create alias office on one-1 for 192.0.2.4";
const ISO: &str = "download https://example.org/images/tiny-1.iso to local on pve1";

/// All of them.
pub const DEEDS: &[Deed] = &[
    Deed::new(
        "create_vm",
        &[],
        "create a vm called one-1 with 2 cores, 2 GB memory and a 10 GB disk and start it",
        &["create", "start"],
    ),
    Deed::new(
        "create_ct",
        &[],
        "an unprivileged Debian container named one-1 with 1 core, 512 MB memory, 4 GB disk",
        &["create"],
    ),
    Deed::new(
        "clone",
        &[],
        "debian 12 vm one-1: 2 cores, 2048 MB, 16G disk on local-lvm, vmbr1 vlan 20",
        &["clone", "update", "resize"],
    ),
    Deed::new("copy", &[SMALL], "clone one-1 as two-1", &["clone"]),
    // It takes so long that leases are renewed meanwhile.
    Deed::new("copy_large", &[LARGE], "clone one-1 as two-1", &["clone"]),
    Deed::new("update", &[SMALL], "set the cores of one-1 to 3 and its memory to 2 GB", &["update"]),
    Deed::new("ct_update", &[CT], "set the cores of one-1 to 2", &["update"]),
    Deed::new("add_disk", &[SMALL], "add a 4 GB disk on local-lvm to one-1", &["add_disk"]),
    Deed::new("resize", &[SMALL], "extend the disk of one-1 by 3 GB", &["resize"]),
    Deed::new("ct_resize", &[CT], "extend the disk of one-1 by 1 GB", &["resize"]),
    Deed::new("move_disk", &[SMALL], "move disk scsi0 of one-1 to local", &["move_disk"]),
    Deed::new("detach", &[TWO_DISKS], "detach disk scsi1 of one-1", &["detach"]),
    Deed::new("destroy_volume", &[TWO_DISKS], "delete disk scsi1 of one-1", &["detach", "destroy_volume"]),
    Deed::new("remove_nic", &[SMALL, "add a NIC on vmbr1 to one-1"], "remove net1 of one-1", &["remove_nic"]),
    Deed::new("snapshot", &[SMALL], SNAPSHOT, &["snapshot"]),
    Deed::new("ct_snapshot", &[CT], SNAPSHOT, &["snapshot"]),
    Deed::new(
        "rollback",
        &[SMALL, SNAPSHOT, "set the cores of one-1 to 2"],
        "roll back one-1 to prior1",
        &["rollback"],
    ),
    Deed::new(
        "ct_rollback",
        &[CT, SNAPSHOT, "set the cores of one-1 to 2"],
        "roll back one-1 to prior1",
        &["rollback"],
    ),
    Deed::new("delete_snapshot", &[SMALL, SNAPSHOT], "delete snapshot prior1 of one-1", &["delete_snapshot"]),
    Deed::new("backup", &[SMALL], "back up one-1 to local", &["backup"]),
    Deed::new("restore", &[SMALL, "back up one-1 to local"], "restore one-1 from its latest backup", &["restore"]),
    Deed::new("ct_restore", &[CT, "back up one-1 to local"], "restore one-1 from its latest backup", &["restore"]),
    Deed::new("migrate", &[ON_PVE1], "migrate one-1 to pve2", &["migrate"]),
    Deed::new("migrate_running", &[ON_PVE1, START], "migrate one-1 to pve2", &["migrate"]),
    Deed::new("ct_migrate", &[CT, START], "migrate one-1 to pve2", &["migrate"]),
    Deed::new("template", &[SMALL], "make a template of one-1", &["make_template"]),
    Deed::new("delete", &[SMALL], "delete one-1", &["delete"]),
    Deed::new("ct_delete", &[CT], "delete one-1", &["delete"]),
    Deed::new("add_rule", &[SMALL], HTTPS, &["add_rule"]),
    Deed::new("remove_rule", &[SMALL, HTTPS], "remove the rule for port 443 of one-1", &["remove_rule"]),
    Deed::new("change_rule", &[SMALL, HTTPS], AGAIN, &["change_rule"]).by_hand(&[(
        "PUT",
        "{one-1}/firewall/rules/0",
        &[("source", "192.0.2.0/24")],
    )]),
    Deed::new("move_rule", &[SMALL, CLOSED], AGAIN, &["add_rule", "move_rule"]).by_hand(&[(
        "DELETE",
        "{one-1}/firewall/rules/1",
        &[],
    )]),
    Deed::new("remove_double", &[SMALL, HTTPS], AGAIN, &["remove_double"]).by_hand(&[(
        "POST",
        "{one-1}/firewall/rules",
        &[
            ("type", "in"),
            ("action", "ACCEPT"),
            ("macro", "HTTPS"),
            ("source", "10.0.0.0/8"),
            ("enable", "1"),
            ("comment", "{comment}"),
        ],
    )]),
    Deed::new("ip_set", &[SMALL], ADMINS, &["add_ipset", "add_ipset_entry", "add_ipset_entry"]),
    Deed::new(
        "remove_ip_set_entry",
        &[SMALL, ADMINS],
        "remove 10.2.0.0/16 from ip set admins of one-1",
        &["remove_ipset_entry"],
    ),
    Deed::new("remove_ip_set", &[SMALL, ADMINS], "delete ip set admins of one-1", &["remove_ipset"]),
    Deed::new("close", &[SMALL], CLOSED, &["add_rule", "add_rule", "set_firewall"]),
    Deed::new("alias", &[SMALL], OFFICE, &["add_alias"]),
    Deed::new("change_alias", &[SMALL, OFFICE], "set alias office on one-1 to 192.0.2.9", &["change_alias"]),
    Deed::new("remove_alias", &[SMALL, OFFICE], "delete alias office of one-1", &["remove_alias"]),
    Deed::new("pool", &[SMALL], "put one-1 in the shop pool", &["set_pool"]),
    Deed::new("leave_pool", &[SMALL, "put one-1 in the shop pool"], "remove one-1 from its pool", &["set_pool"]),
    Deed::new("start", &[SMALL], START, &["start"]),
    Deed::new("ct_start", &[CT], START, &["start"]),
    Deed::new("shutdown", &[SMALL, START], "shut down one-1", &["shutdown"]),
    Deed::new("stop", &[SMALL, START], "force stop one-1", &["stop"]),
    Deed::new("ct_stop", &[CT, START], "force stop one-1", &["stop"]),
    Deed::new("reboot", &[SMALL, START], "reboot one-1", &["reboot"]),
    Deed::new("ct_reboot", &[CT, START], "reboot one-1", &["reboot"]),
    Deed::new("suspend", &[SMALL, START], "suspend one-1", &["suspend"]),
    Deed::new("resume", &[SMALL, START, "suspend one-1"], "resume one-1", &["resume"]),
    Deed::new("adopt", &[], "adopt test-1", &["adopt"]),
    Deed::new("adopt_update", &[], "add tag shop to web-01", &["adopt", "update"]),
    Deed::new("adopt_copy", &[SMALL], "set the cores of copy-1 to 2", &["adopt", "update"]).by_hand(&[(
        "POST",
        "{one-1}/clone",
        &[("newid", "7001"), ("name", "copy-1"), ("full", "1")],
    )]),
    Deed::new("set_ha", &[SMALL], "enable ha for one-1", &["set_ha"]),
    Deed::new("leave_ha", &[SMALL, "enable ha for one-1"], "disable ha for one-1", &["set_ha"]),
    Deed::new("repair", &[SMALL], AGAIN, &["update"]).by_hand(&[("PUT", "{one-1}/config", &[("cores", "2")])]),
    Deed::new("make_again", &[SMALL], AGAIN, &["create"]).by_hand(&[("DELETE", "{one-1}", &[])]),
    Deed::new(
        "two_guests",
        &[],
        "create two vms pair-1 to pair-2 with 1 core, 1 GB memory and a 5 GB disk",
        &["create", "create"],
    ),
    Deed::new("make_pool", &[], "create pool web", &["make_pool"]),
    Deed::new("delete_pool", &["create pool web"], "delete pool web", &["delete_pool"]),
    Deed::new("download", &[], ISO, &["download"]),
    Deed::new("delete_file", &[ISO], "delete the file local:iso/tiny-1.iso", &["delete_file"]),
    Deed::new("backup_job", &[SMALL], "back up one-1 every night at 2 to local, keep 7 daily", &["make_backup_job"]),
    Deed::new(
        "delete_backup_job",
        &[SMALL, "back up one-1 every night at 2 to local, keep 7 daily"],
        "delete backup job {job}",
        &["delete_backup_job"],
    ),
];
