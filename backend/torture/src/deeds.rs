//! What is done in all possible ways: together the deeds hold every action that a plan can have.

/// Something to be declared, from some state on.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    /// Its name.
    pub name: &'static str,
    /// What was declared and carried out before.
    pub before: &'static [&'static str],
    /// What is declared now.
    pub text: &'static str,
    /// What its plan does, in order.
    pub actions: &'static [&'static str],
}

const SMALL: &str = "create a vm called one-1 with 1 core, 1 GB memory and a 2 GB disk on local-lvm";
const TWO_DISKS: &str = "create a vm called one-1 with 1 core, 1 GB memory, a 2 GB disk and a 3 GB disk on local-lvm";
const START: &str = "start one-1";

/// All of them.
pub const DEEDS: &[Deed] = &[
    Deed {
        name: "create_vm",
        before: &[],
        text: "create a vm called one-1 with 2 cores, 2 GB memory and a 10 GB disk and start it",
        actions: &["create", "start"],
    },
    Deed {
        name: "create_ct",
        before: &[],
        text: "an unprivileged Debian container named one-1 with 1 core, 512 MB memory, 4 GB disk",
        actions: &["create"],
    },
    Deed {
        name: "clone",
        before: &[],
        text: "debian 12 vm one-1: 2 cores, 2048 MB, 16G disk on local-lvm, vmbr1 vlan 20",
        actions: &["clone", "update", "resize"],
    },
    Deed {
        name: "update",
        before: &[SMALL],
        text: "set the cores of one-1 to 3 and its memory to 2 GB",
        actions: &["update"],
    },
    Deed { name: "add_disk", before: &[SMALL], text: "add a 4 GB disk on local-lvm to one-1", actions: &["add_disk"] },
    Deed { name: "resize", before: &[SMALL], text: "extend the disk of one-1 by 3 GB", actions: &["resize"] },
    Deed { name: "move_disk", before: &[SMALL], text: "move disk scsi0 of one-1 to local", actions: &["move_disk"] },
    Deed { name: "detach", before: &[TWO_DISKS], text: "detach disk scsi1 of one-1", actions: &["detach"] },
    Deed {
        name: "destroy_volume",
        before: &[TWO_DISKS],
        text: "delete disk scsi1 of one-1",
        actions: &["detach", "destroy_volume"],
    },
    Deed {
        name: "remove_nic",
        before: &[
            "create a vm called one-1 with 1 core, 1 GB memory and a 2 GB disk on local-lvm",
            "add a NIC on vmbr1 to one-1",
        ],
        text: "remove net1 of one-1",
        actions: &["remove_nic"],
    },
    Deed { name: "snapshot", before: &[SMALL], text: "snapshot one-1 as prior1", actions: &["snapshot"] },
    Deed {
        name: "rollback",
        before: &[SMALL, "snapshot one-1 as prior1", "set the cores of one-1 to 2"],
        text: "roll back one-1 to prior1",
        actions: &["rollback"],
    },
    Deed {
        name: "delete_snapshot",
        before: &[SMALL, "snapshot one-1 as prior1"],
        text: "delete snapshot prior1 of one-1",
        actions: &["delete_snapshot"],
    },
    Deed { name: "backup", before: &[SMALL], text: "back up one-1 to local", actions: &["backup"] },
    Deed {
        name: "restore",
        before: &[SMALL, "back up one-1 to local"],
        text: "restore one-1 from its latest backup",
        actions: &["restore"],
    },
    Deed {
        name: "migrate",
        before: &["create a vm called one-1 on pve1 with 1 core, 1 GB memory and a 2 GB disk on local-lvm"],
        text: "migrate one-1 to pve2",
        actions: &["migrate"],
    },
    Deed { name: "template", before: &[SMALL], text: "make a template of one-1", actions: &["make_template"] },
    Deed { name: "delete", before: &[SMALL], text: "delete one-1", actions: &["delete"] },
    Deed { name: "add_rule", before: &[SMALL], text: "allow https to one-1 from 10.0.0.0/8", actions: &["add_rule"] },
    Deed {
        name: "remove_rule",
        before: &[SMALL, "allow https to one-1 from 10.0.0.0/8"],
        text: "remove the rule for port 443 of one-1",
        actions: &["remove_rule"],
    },
    Deed {
        name: "ip_set",
        before: &[SMALL],
        text: "create ip set admins on one-1 with 10.1.0.0/16 and 10.2.0.0/16",
        actions: &["add_ipset", "add_ipset_entry", "add_ipset_entry"],
    },
    Deed {
        name: "remove_ip_set",
        before: &[SMALL, "create ip set admins on one-1 with 10.1.0.0/16 and 10.2.0.0/16"],
        text: "remove 10.2.0.0/16 from ip set admins of one-1",
        actions: &["remove_ipset_entry"],
    },
    Deed {
        name: "close",
        before: &[SMALL],
        text: "block incoming traffic on one-1 except ssh and https",
        actions: &["add_rule", "add_rule", "set_firewall"],
    },
    Deed {
        name: "alias",
        before: &[SMALL],
        text: "create alias office on one-1 for 192.0.2.4",
        actions: &["add_alias"],
    },
    Deed { name: "pool", before: &[SMALL], text: "put one-1 in the shop pool", actions: &["set_pool"] },
    Deed { name: "start", before: &[SMALL], text: START, actions: &["start"] },
    Deed { name: "shutdown", before: &[SMALL, START], text: "shut down one-1", actions: &["shutdown"] },
    Deed { name: "stop", before: &[SMALL, START], text: "force stop one-1", actions: &["stop"] },
    Deed { name: "reboot", before: &[SMALL, START], text: "reboot one-1", actions: &["reboot"] },
    Deed { name: "suspend", before: &[SMALL, START], text: "suspend one-1", actions: &["suspend"] },
    Deed { name: "resume", before: &[SMALL, START, "suspend one-1"], text: "resume one-1", actions: &["resume"] },
    Deed { name: "adopt", before: &[], text: "adopt test-1", actions: &["adopt"] },
    Deed { name: "adopt_update", before: &[], text: "add tag shop to web-01", actions: &["adopt", "update"] },
    Deed { name: "set_ha", before: &[SMALL], text: "enable ha for one-1", actions: &["set_ha"] },
    Deed {
        name: "two_guests",
        before: &[],
        text: "create two vms pair-1 to pair-2 with 1 core, 1 GB memory and a 5 GB disk",
        actions: &["create", "create"],
    },
];
