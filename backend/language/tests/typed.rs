//! Typed intents: what is written is read back the same, and what does not fit is refused where it stands.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::field::{Field, Plain, Shape, Slot, Value};
use mycopod_core::firewall::FirewallField;
use mycopod_core::guest::Kind;
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Source, Sourced};
use mycopod_core::size::Size;
use mycopod_core::typed::{self, TypedGuest, write};
use mycopod_language::read;
use mycopod_language::typed::{Typed, parse};
use proptest::prelude::*;

const EXAMPLE: &str = "# The shop's front.
mycopod: v1
cluster: lab
guests:
  - name: web-01
    kind: vm
    vmid: 101
    node: pve1
    image: debian-12
    cores: 4
    memory: 8 GiB
    cpulimit: 1.5
    onboot: true
    tags: [shop, web]
    startup:
      order: 2
    disk:
      scsi0: {size: 32 GiB, storage: local-lvm}
    nic:
      0:
        bridge: vmbr0
        ip: 10.0.0.5/24
    nameserver: [10.0.0.1, 10.0.0.2]
    firewall:
      enable: true
      ipset: {admins: [10.0.0.0/8]}
      rules:
        - IN HTTPS(ACCEPT) -source 10.0.0.0/8
";

fn bare<T>(value: T) -> Sourced<T> {
    Sourced::new(value, Source::inferred("a test"))
}

/// A guest without its places.
fn unplaced(guest: &TypedGuest) -> TypedGuest {
    fn of<T: Clone>(said: &Sourced<T>) -> Sourced<T> {
        bare(said.value.clone())
    }
    TypedGuest {
        kind: of(&guest.kind),
        name: of(&guest.name),
        vmid: guest.vmid.as_ref().map(of),
        node: guest.node.as_ref().map(of),
        image: guest.image.as_ref().map(of),
        adopt: guest.adopt.as_ref().map(of),
        fields: guest.fields.iter().map(|(field, said)| (field.clone(), of(said))).collect(),
        rules: guest.rules.iter().map(of).collect(),
    }
}

fn written(typed: &Typed) -> String {
    let guests: Vec<TypedGuest> = typed.guests.iter().map(|(_, guest)| guest.clone()).collect();
    write::yaml(typed.clusters.first().map(|cluster| cluster.value.as_str()), &guests)
}

#[test]
fn an_intent_is_read_with_the_place_of_every_value() {
    let typed = parse(EXAMPLE).unwrap();
    let [(_, guest)] = typed.guests.as_slice() else { panic!("{typed:#?}") };
    assert_eq!((guest.name.value.as_str(), guest.vmid.as_ref().unwrap().value), ("web-01", 101));
    let value = |key: &str| guest.fields[&key.parse::<Field>().unwrap()].clone();
    assert_eq!(value("memory").value, Value::Size(Size::gib(8)));
    assert_eq!(value("cpulimit").value, Value::Text("1.5".to_owned()));
    assert_eq!(value("nameserver").value, Value::Text("10.0.0.1 10.0.0.2".to_owned()));
    assert_eq!(value("nic.0.ip").value, Value::Text("10.0.0.5/24".to_owned()));
    assert_eq!(guest.rules[0].value, "IN HTTPS(ACCEPT) -source 10.0.0.0/8");
    for (key, words) in [("memory", "8 GiB"), ("disk.scsi0.size", "32 GiB"), ("startup.order", "2")] {
        let Source::Said(said) = value(key).source else { panic!("{key}") };
        assert_eq!(said.text, words);
        let there: String = EXAMPLE.chars().skip(said.start).take(said.end - said.start).collect();
        assert_eq!(there, words, "{key}");
    }
}

#[test]
fn json_is_an_intent_as_well() {
    let json = r#"{"mycopod": "v1", "guests": [{"name": "ct-1", "kind": "container", "cores": 2, "nic": {"0": {"bridge": "vmbr0"}},
        "description": "a \"b\"\n\u00e9", "tags": []}]}"#;
    let typed = parse(json).unwrap();
    let fields = &typed.guests[0].1.fields;
    assert_eq!(fields[&Plain::Description.into()].value, Value::Text("a \"b\"\né".to_owned()));
    assert_eq!(fields[&Plain::Tags.into()].value, Value::Set(BTreeSet::new()));
}

#[test]
fn what_does_not_fit_is_refused_with_its_line_and_path() {
    let guest = |rest: &str| format!("mycopod: v1\nguests:\n  - name: web-01\n    kind: vm\n{rest}\n");
    let deep = format!("    disk: {}1{}", "{a: ".repeat(30), "}".repeat(30));
    for (text, part) in [
        (String::new(), "line 1: there is no intent"),
        ("mycopod: v2\nguests: []".to_owned(), "line 1, mycopod: this version is not known"),
        ("guests: []".to_owned(), "says no version"),
        ("mycopod: v1\nguests: []".to_owned(), "line 2, guests: it names no guest"),
        ("mycopod: v1\nguest: []".to_owned(), "“guest” is no key here"),
        ("mycopod: v1\nguests:\n  - kind: vm".to_owned(), "guests[0]: it has no name"),
        ("mycopod: v1\nguests:\n  - {name: a, kind: qemu}".to_owned(), "should be vm or container"),
        ("mycopod: v1\nguests:\n  - {name: a b, kind: vm}".to_owned(), "line 3, guests[0].name"),
        (
            "mycopod: v1\nguests:\n  - {name: a, kind: vm}\n  - {name: a, kind: vm}".to_owned(),
            "line 4, guests: two guests are called a",
        ),
        (guest("    coers: 4"), "line 5, guests[0].coers: “coers” is no field of a guest; cores may be meant"),
        (guest("    cores: 4\n    cores: 2"), "line 6, guests[0]: “cores” is said twice"),
        (guest("    memory: 8 GB"), "line 5, guests[0].memory: “8 GB” is no size such as 8 GiB"),
        (guest("    memory: 8"), "guests[0].memory: it is 8"),
        (guest("    cores: '4'"), "should be a whole number"),
        (guest("    cores: 0x4"), "put it in quotes"),
        (guest("    onboot: yes"), "should be true or false"),
        (guest("    pool: ~"), "put it in quotes"),
        (guest("    pool:"), "it is nothing"),
        (guest("    swap: 1 GiB"), "a VM has no Swap"),
        (guest("    name: b"), "“name” is said twice"),
        (guest("    disk.scsi0.size: 8 GiB"), "has a dot"),
        (guest("    disk:\n      scsi99: {size: 8 GiB}"), "no field of a guest"),
        (guest("    disk: {}"), "guests[0].disk: it is empty"),
        (guest("    nic:\n      0: {vlan: 5000}"), "from 0 to 4094"),
        (guest("    firewall:\n      rules: [NONSENSE]"), "guests[0].firewall.rules[0]: “NONSENSE” is no rule"),
        (guest("    firewall:\n      lockout: true"), "no field of a guest"),
        (guest("    vmid: 99"), "should be a whole number from 100"),
        (guest("    cores: &a 4\n    vcpus: *a"), "anchors are not taken"),
        (guest("    cores: !!int 4"), "tags are not taken"),
        (guest("    [1, 2]: 3"), "a key is one word"),
        (guest(&deep), "it nests too deep"),
        (guest("    cores: [4"), "no YAML and no JSON"),
        (guest("\tcores: 4"), "no YAML and no JSON"),
    ] {
        let wrong = parse(&text).map(|typed| format!("{typed:?}")).map_err(|wrong| wrong.to_string());
        assert!(wrong.as_ref().is_err_and(|wrong| wrong.contains(part)), "{text}\n{wrong:?} should say {part}");
    }
    // All of it is told at once, in the order of the lines.
    let text = "mycopod: v1\nguests:\n  - name: a\n    coers: 4\n    memory: 8\n  - {name: b, kind: vm, swap: 1 GiB}";
    assert_eq!(
        parse(text).unwrap_err().to_string(),
        "line 3, guests[0]: it has no kind – line 4, guests[0].coers: “coers” is no field of a guest; cores may be meant – \
         line 5, guests[0].memory: it is 8, and should be a size with its unit, such as 8 GiB – line 6, guests[1].swap: a VM has no Swap"
    );
    let many = format!("mycopod: v1\nguests:\n{}", "  - {name: a b, kind: vm}\n".repeat(30));
    assert!(parse(&many).unwrap_err().to_string().ends_with(" – and 20 more"));
    // Nine levels of nine aliases each would be a text of gigabytes.
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n";
    assert!(parse(&format!("mycopod: v1\n{bomb}")).is_err());
}

#[test]
fn a_new_guest_that_is_called_nearly_like_another_is_pointed_out() {
    let there = |name: &str| (name.to_owned(), Vec::new());
    let inventory = Inventory { guests: ["web-01", "db-1"].map(there).into(), ..Inventory::default() };
    let notes = |name: &str| {
        let text = format!("mycopod: v1\nguests:\n  - {{name: {name}, kind: vm}}");
        read(&text, &inventory, &Answers::default()).notes
    };
    assert_eq!(notes("web-1"), ["There is no guest web-1: it would be made. web-01 is another one."]);
    // The next of a row, one that is there, and one that is like none.
    for name in ["web-02", "db-2", "web-01", "mail"] {
        assert_eq!(notes(name), [""; 0], "{name}");
    }
}

#[test]
fn several_documents_are_one_intent() {
    let one = |name: &str| format!("mycopod: v1\ncluster: lab\nguests:\n  - {{name: {name}, kind: vm}}\n");
    let typed = parse(&format!("{}---\n{}", one("a"), one("b"))).unwrap();
    assert_eq!((typed.guests.len(), typed.clusters.len()), (2, 2));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,12}",
        "\\PC{0,20}",
        prop::sample::select(vec![
            "", "no", "~", "1", "1e5", "0x1F", "null", "a: b", "a #b", "- a", "a\nb\n", " a ", "\"", "'", "é🦀"
        ])
        .prop_map(str::to_owned),
    ]
}

/// A value that the field can have in an intent.
fn value(field: &Field) -> BoxedStrategy<Value> {
    let words = || prop::collection::btree_set(text(), 0..4).prop_map(Value::Set).boxed();
    let list = |separator: &'static str| {
        let part =
            text().prop_map(move |text| text.replace(separator, "")).prop_filter("a part", |text| !text.is_empty());
        prop::collection::vec(part, 0..4).prop_map(move |parts| Value::Text(parts.join(separator))).boxed()
    };
    if matches!(field, Field::Firewall(FirewallField::IpSet(_))) {
        return words();
    }
    match field.shape() {
        Shape::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        Shape::Count { least, most } => (least..=most).prop_map(Value::Count).boxed(),
        Shape::Decimal { most } => (0..most * 100)
            .prop_map(|hundredths| {
                let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
                Value::Text(text.trim_end_matches('0').trim_end_matches('.').to_owned())
            })
            .boxed(),
        Shape::Size { .. } => any::<u64>().prop_map(|bytes| Value::Size(Size::bytes(bytes))).boxed(),
        Shape::Tags | Shape::Choices(_) => words(),
        Shape::Hosts | Shape::Domains => list(" "),
        Shape::SshKeys => list("\n"),
        Shape::Devices => list(";"),
        _ => text().prop_map(Value::Text).boxed(),
    }
}

fn guest() -> impl Strategy<Value = TypedGuest> {
    let kind = prop_oneof![Just(Kind::Qemu), Just(Kind::Lxc)];
    (kind, any::<prop::sample::Index>(), 0..32_u8).prop_flat_map(|(kind, slot, nic)| {
        let slots = match kind {
            Kind::Qemu => ["scsi0", "scsi30", "virtio15", "ide2"],
            Kind::Lxc => ["rootfs", "mp0", "mp9", "mp255"],
        };
        let slot: Slot = slots[slot.index(slots.len())].parse().unwrap();
        let fields = typed::fields(&slot, nic, "office").into_iter().filter(|field| field.fits(kind));
        let fields: Vec<BoxedStrategy<Option<(Field, Value)>>> = fields
            .map(|field| {
                let value = value(&field).prop_map(move |value| (field.clone(), value));
                prop::option::weighted(0.3, value).boxed()
            })
            .collect();
        let rule = prop::sample::select(vec!["IN HTTPS(ACCEPT) -source 10.0.0.0/8", "OUT DROP -p tcp -dport 25"]);
        let said = || text().prop_filter("a word", |text| !text.is_empty());
        let head = (
            "[a-z][a-z0-9]{0,8}",
            prop::option::of(100..1_000_000_000_u32),
            prop::option::of(said()),
            prop::option::of(said()),
            prop::option::of(any::<bool>()),
        );
        (head, fields, prop::collection::vec(rule, 0..2)).prop_map(
            move |((name, vmid, node, image, adopt), fields, rules)| TypedGuest {
                kind: bare(kind),
                name: bare(name),
                vmid: vmid.map(bare),
                node: node.map(bare),
                image: image.map(bare),
                adopt: adopt.map(bare),
                fields: fields
                    .into_iter()
                    .flatten()
                    .map(|(field, value)| (field, bare(value)))
                    .collect::<BTreeMap<_, _>>(),
                rules: rules.into_iter().map(|rule| bare(rule.to_owned())).collect(),
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// What is written is read back the same, and fits the published schema.
    #[test]
    fn what_is_written_is_read_back_the_same(guest in guest()) {
        let text = write::yaml(Some("lab"), std::slice::from_ref(&guest));
        let typed = parse(&text).map_err(|wrong| TestCaseError::fail(format!("{wrong}\n{text}")))?;
        prop_assert_eq!(unplaced(&typed.guests[0].1), guest, "{}", text);
        prop_assert_eq!(written(&typed), text);
    }

    /// No text makes the reader panic.
    #[test]
    fn any_text_is_an_intent_or_refused(text in "(mycopod: v1\n)?\\PC{0,200}", other in "[-:\\[\\]{}&*!|>'\"%@`#,? \na-c0-9]{0,200}") {
        let _ = parse(&text);
        let _ = parse(&other);
        let _ = parse(&format!("mycopod: v1\nguests:\n  - {other}"));
    }
}

#[test]
fn the_example_fits_the_published_schema_and_the_schema_is_strict() {
    let validator = jsonschema::validator_for(&typed::schema::schema()).unwrap();
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let guest = |rest: &str| json(&format!(r#"{{"mycopod": "v1", "guests": [{{"name": "a", "kind": "vm"{rest}}}]}}"#));
    for good in [
        "",
        r#", "cores": 4, "memory": "8 GiB", "tags": ["a"], "startup": {"order": 1}"#,
        r#", "disk": {"scsi30": {"size": "8 GiB", "ssd": true}}, "nic": {"31": {"bridge": "vmbr0"}}"#,
        r#", "firewall": {"enable": true, "ipset": {"office": ["10.0.0.0/8"]}, "rules": ["IN DROP"]}, "ha": """#,
    ] {
        assert!(validator.is_valid(&guest(good)), "{good}: {:?}", validator.validate(&guest(good)));
    }
    for bad in [
        r#", "coers": 4"#,
        r#", "cores": "4""#,
        r#", "memory": "8 GB""#,
        r#", "disk": {"scsi31": {"size": "8 GiB"}}"#,
        r#", "disk": {"scsi0": {"sise": "8 GiB"}}"#,
        r#", "nic": {"32": {"bridge": "vmbr0"}}"#,
        r#", "vmid": 99"#,
        r#", "firewall": {"lockout": true}"#,
    ] {
        assert!(!validator.is_valid(&guest(bad)), "{bad}");
    }
    assert!(!validator.is_valid(&json(r#"{"guests": []}"#)));
}
