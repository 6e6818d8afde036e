//! Declarations that the built-in reader reads rightly, each with what an honest model makes of it.

use serde_json::{Value, json};

/// A statement as an honest model gives it: action, words, verb, kind, count, names, targets, values.
pub type Honest = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

const fn does(
    action: &'static str,
    words: &'static str,
    verb: &'static str,
    targets: &'static [&'static str],
) -> Honest {
    (action, words, verb, "", "", &[], targets, &[])
}

const fn gives(
    words: &'static str,
    verb: &'static str,
    targets: &'static [&'static str],
    values: &'static [(&'static str, &'static str)],
) -> Honest {
    ("change", words, verb, "", "", &[], targets, values)
}

/// Declarations, each with what an honest model makes of it.
pub const DECLARATIONS: [(&str, &[Honest]); 20] = [
    (
        "delete test-1 and start web-01",
        &[does("delete", "delete test-1", "delete", &["test-1"]), does("start", "start web-01", "start", &["web-01"])],
    ),
    (
        "web-01 gets 4 cores, then start test-1 and stop web-02",
        &[
            gives("web-01 gets 4 cores", "gets", &["web-01"], &[("cores", "4 cores")]),
            does("start", "start test-1", "start", &["test-1"]),
            does("stop", "stop web-02", "stop", &["web-02"]),
        ],
    ),
    (
        "reboot web-01 and web-02, then give test-1 2 cores",
        &[
            does("reboot", "reboot web-01 and web-02", "reboot", &["web-01", "web-02"]),
            gives("give test-1 2 cores", "give", &["test-1"], &[("cores", "2 cores")]),
        ],
    ),
    (
        "give web-01 4 cores and test-1 8 GB of memory",
        &[
            gives("give web-01 4 cores", "give", &["web-01"], &[("cores", "4 cores")]),
            gives("test-1 8 GB of memory", "", &["test-1"], &[("memory", "8 GB of memory")]),
        ],
    ),
    (
        "stop all vms tagged web and start test-1",
        &[
            does("stop", "stop all vms tagged web", "stop", &["all vms tagged web"]),
            does("start", "start test-1", "start", &["test-1"]),
        ],
    ),
    (
        "increase the memory of web-01 by 2 GB and reduce the cores of db-1 by 1",
        &[
            gives(
                "increase the memory of web-01 by 2 GB",
                "increase",
                &["web-01"],
                &[("memory", "memory"), ("memory", "by 2 GB")],
            ),
            gives("reduce the cores of db-1 by 1", "reduce", &["db-1"], &[("cores", "cores"), ("cores", "by 1")]),
        ],
    ),
    (
        "delete test-1 and test-2. Start web-01 and reboot db-1",
        &[
            does("delete", "delete test-1 and test-2", "delete", &["test-1", "test-2"]),
            does("start", "Start web-01", "Start", &["web-01"]),
            does("reboot", "reboot db-1", "reboot", &["db-1"]),
        ],
    ),
    (
        "clone web-01 as web-09 and snapshot db-1 as pre",
        &[
            ("clone", "clone web-01 as web-09", "clone", "", "", &["web-09"], &["web-01"], &[]),
            ("snapshot", "snapshot db-1 as pre", "snapshot", "", "", &["pre"], &["db-1"], &[]),
        ],
    ),
    (
        "Create a VM called x-1 with 2 cores and a container called x-2 with 4 GB RAM",
        &[
            (
                "create",
                "Create a VM called x-1 with 2 cores",
                "Create",
                "VM",
                "",
                &["x-1"],
                &[],
                &[("cores", "2 cores")],
            ),
            (
                "create",
                "a container called x-2 with 4 GB RAM",
                "",
                "container",
                "",
                &["x-2"],
                &[],
                &[("memory", "4 GB RAM")],
            ),
        ],
    ),
    (
        "create two VMs a-1 and a-2 with 2 cores, 4 GB RAM and a 20 GB disk on vmbr1 vlan 20",
        &[(
            "create",
            "create two VMs a-1 and a-2 with 2 cores, 4 GB RAM and a 20 GB disk on vmbr1 vlan 20",
            "create",
            "VMs",
            "two",
            &["a-1", "a-2"],
            &[],
            &[("cores", "2 cores"), ("memory", "4 GB RAM"), ("disk", "a 20 GB disk"), ("bridge", "vmbr1 vlan 20")],
        )],
    ),
    (
        "stop web-01. Delete test-1, test-2 and test-3. Double the memory of db-1",
        &[
            does("stop", "stop web-01", "stop", &["web-01"]),
            does("delete", "Delete test-1, test-2 and test-3", "Delete", &["test-1", "test-2", "test-3"]),
            gives("Double the memory of db-1", "Double", &["db-1"], &[("memory", "memory")]),
        ],
    ),
    (
        "start test-1 unless it is night, and stop web-02",
        &[does("start", "start test-1", "start", &["test-1"]), does("stop", "stop web-02", "stop", &["web-02"])],
    ),
    (
        "do not delete web-01, but reboot it",
        &[does("delete", "delete web-01", "delete", &["web-01"]), does("reboot", "reboot it", "reboot", &["it"])],
    ),
    (
        "stop test-1 and delete it",
        &[does("stop", "stop test-1", "stop", &["test-1"]), does("delete", "delete it", "delete", &["it"])],
    ),
    (
        "protect web-01, enable autostart on web-02 and tag test-1 with web",
        &[
            gives("protect web-01", "protect", &["web-01"], &[("protection", "protect")]),
            gives("enable autostart on web-02", "enable", &["web-02"], &[("onboot", "autostart")]),
            gives("tag test-1 with web", "tag", &["test-1"], &[("tags", "web")]),
        ],
    ),
    (
        "migrate web-01 to pve2 and give web-02 8 GB of memory",
        &[
            ("migrate", "migrate web-01 to pve2", "migrate", "", "", &[], &["web-01"], &[("node", "pve2")]),
            gives("give web-02 8 GB of memory", "give", &["web-02"], &[("memory", "8 GB of memory")]),
        ],
    ),
    (
        "stop web-02? then restart web-01",
        &[does("stop", "stop web-02", "stop", &["web-02"]), does("reboot", "restart web-01", "restart", &["web-01"])],
    ),
    (
        "stop all test machines except test-2",
        &[does("stop", "stop all test machines except test-2", "stop", &["all test machines except test-2"])],
    ),
    (
        "disable protection on web-01 and set the cores of web-02 to 8",
        &[
            gives("disable protection on web-01", "disable", &["web-01"], &[("protection", "protection")]),
            gives("set the cores of web-02 to 8", "set", &["web-02"], &[("cores", "cores"), ("cores", "to 8")]),
        ],
    ),
    (
        "delete the snapshot pre-patch of web-01, detach scsi1 of db-1 and start test-1",
        &[
            (
                "delete_snapshot",
                "delete the snapshot pre-patch of web-01",
                "delete",
                "",
                "",
                &["pre-patch"],
                &["web-01"],
                &[],
            ),
            does("detach_disk", "detach scsi1 of db-1", "detach", &["db-1"]),
            does("start", "start test-1", "start", &["test-1"]),
        ],
    ),
];

/// What an honest model answers.
pub fn honest_statements(statements: &[Honest]) -> Vec<Value> {
    statements.iter().map(honest).collect()
}

fn honest((action, words, verb, kind, count, names, targets, values): &Honest) -> Value {
    let values: Vec<Value> = values.iter().map(|(field, words)| json!({ "field": field, "words": words })).collect();
    json!({ "action": action, "words": words, "verb": verb, "kind": kind, "count": count, "names": names, "targets": targets, "values": values })
}
