//! What is declared can be said and is read back: statements are put into words in several ways, and the reader must find
//! the same statements in them.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use std::collections::BTreeSet;

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::guest::Kind;
use mycopod_core::reading::{
    Amount, Answers, Create, Deed, DiskRef, Edit, EditField, Reading, Selector, Source, Sourced, Span, Statement,
    Target, WantedDisk, WantedNic, What,
};
use mycopod_core::size::Size;
use mycopod_language::read;
use proptest::prelude::*;
use serde_json::Value as Json;

/// A clause that describes a new guest: what it says, and how it is put into words.
#[derive(Clone, Debug)]
enum Trait {
    Cores(u64),
    Memory(Size),
    Disks(Vec<u64>),
    Nic(&'static str, Option<u64>),
    Tags(BTreeSet<&'static str>),
    Node(&'static str),
    OnBoot,
    Protected,
    Runs,
    Like(&'static str),
}

impl Trait {
    fn key(&self) -> u8 {
        match self {
            Self::Cores(_) => 0,
            Self::Memory(_) => 1,
            Self::Disks(_) => 2,
            Self::Nic(..) => 3,
            Self::Tags(_) => 4,
            Self::Node(_) => 5,
            Self::OnBoot => 6,
            Self::Protected => 7,
            Self::Runs => 8,
            Self::Like(_) => 9,
        }
    }

    /// As it is said; `short` as in a telegram.
    fn words(&self, short: bool) -> String {
        match self {
            Self::Cores(1) if !short => "one core".to_owned(),
            Self::Cores(cores) if short => format!("{cores}C"),
            Self::Cores(cores) => format!("{cores} cores"),
            Self::Memory(size) if short => format!("{} ram", compact(*size)),
            Self::Memory(size) => format!("{size} of memory"),
            Self::Disks(sizes) => {
                let disk = |(n, size): (usize, &u64)| match (n, short) {
                    (0, true) => format!("{size}G disk"),
                    (0, false) => format!("a {size} GB disk"),
                    (_, true) => format!("another {size}G disk"),
                    (_, false) => format!("a further disk of {size} GB"),
                };
                sizes.iter().enumerate().map(disk).collect::<Vec<_>>().join(", ")
            }
            Self::Nic(bridge, Some(vlan)) if short => format!("{bridge}.{vlan}"),
            Self::Nic(bridge, Some(vlan)) => format!("a NIC on {bridge} with VLAN {vlan}"),
            Self::Nic(bridge, None) => format!("bridge {bridge}"),
            Self::Tags(tags) => format!("tagged {}", tags.iter().copied().collect::<Vec<_>>().join(" and ")),
            Self::Node(node) => format!("on {node}"),
            Self::OnBoot => "start at boot".to_owned(),
            Self::Protected => "protected".to_owned(),
            Self::Runs => "start it now".to_owned(),
            Self::Like(name) => format!("same as {name}"),
        }
    }

    fn said(&self, create: &mut Create) {
        let flag = |plain| (plain, sourced(Value::Flag(true)));
        match self {
            Self::Cores(cores) => create.plain.push((Plain::Cores, sourced(Value::Count(*cores)))),
            Self::Memory(size) => create.plain.push((Plain::Memory, sourced(Value::Size(*size)))),
            Self::Disks(sizes) => create.disks.extend(sizes.iter().enumerate().map(|(n, size)| WantedDisk {
                size: sourced(Size::gib(*size)),
                storage: None,
                parts: Vec::new(),
                further: n > 0,
            })),
            Self::Nic(bridge, vlan) => {
                let mut parts = vec![(NicPart::Bridge, sourced(Value::Text((*bridge).to_owned())))];
                parts.extend(vlan.map(|vlan| (NicPart::Vlan, sourced(Value::Count(vlan)))));
                create.nics.push(WantedNic { parts });
            }
            Self::Tags(tags) => create.plain.push((Plain::Tags, sourced(set(tags)))),
            Self::Node(node) => create.node = Some(sourced((*node).to_owned())),
            Self::OnBoot => create.plain.push(flag(Plain::OnBoot)),
            Self::Protected => create.plain.push(flag(Plain::Protection)),
            Self::Runs => create.plain.push(flag(Plain::Running)),
            Self::Like(name) => create.like = Some(target(name)),
        }
    }
}

fn compact(size: Size) -> String {
    if size.is_whole_gib() { format!("{}G", size.as_bytes() >> 30) } else { format!("{}M", size.as_bytes() >> 20) }
}

const SOMEWHERE: Span = Span { start: 0, end: 0 };

fn sourced<T>(value: T) -> Sourced<T> {
    Sourced::new(value, Source::inferred("the test says it"))
}

fn set(tags: &BTreeSet<&'static str>) -> Value {
    Value::Set(tags.iter().map(|tag| (*tag).to_owned()).collect())
}

fn target(name: &str) -> Target {
    Target { span: SOMEWHERE, selector: Selector::Name(name.to_owned()) }
}

/// Something to say, and the words for it.
#[derive(Clone, Debug)]
struct Saying {
    what: What,
    text: String,
}

fn any_trait() -> impl Strategy<Value = Trait> {
    let tag = prop::sample::select(vec!["prod", "front", "blue", "team-a"]);
    prop_oneof![
        (1_u64..=32).prop_map(Trait::Cores),
        (1_u64..=64).prop_map(|gib| Trait::Memory(Size::gib(gib))),
        (1_u64..=15).prop_map(|n| Trait::Memory(Size::mib(n * 128))),
        prop::collection::vec(1_u64..=500, 1..=3).prop_map(Trait::Disks),
        (prop::sample::select(vec!["vmbr0", "vmbr1"]), prop::option::of(1_u64..=4094))
            .prop_map(|(bridge, vlan)| Trait::Nic(bridge, vlan)),
        prop::collection::btree_set(tag, 1..=3).prop_map(Trait::Tags),
        prop::sample::select(vec!["pve1", "pve2"]).prop_map(Trait::Node),
        Just(Trait::OnBoot),
        Just(Trait::Protected),
        Just(Trait::Runs),
        prop::sample::select(vec!["web-01", "db-1"]).prop_map(Trait::Like),
    ]
}

/// Traits of one guest, each of its kind once, in any order.
fn traits() -> impl Strategy<Value = Vec<Trait>> {
    prop::collection::vec(any_trait(), 1..=7).prop_map(|all| {
        let mut seen = BTreeSet::new();
        all.into_iter().filter(|one| seen.insert(one.key())).collect()
    })
}

fn new_name() -> impl Strategy<Value = String> {
    "[a-z]{1,8}-[0-9]{1,3}".prop_filter("a guest or node may have that name", |name| {
        !common::inventory().guests.contains_key(name) && !name.starts_with("pve")
    })
}

fn creating() -> impl Strategy<Value = (Kind, String, Vec<Trait>)> {
    (prop::sample::select(vec![Kind::Qemu, Kind::Lxc]), new_name(), traits())
}

/// A new guest in one of several styles. The last of them puts every trait on a line.
const STYLES: usize = 4;

fn create_text(kind: Kind, name: &str, traits: &[Trait], style: usize) -> String {
    let noun = if kind == Kind::Qemu { "VM" } else { "container" };
    let words: Vec<String> = traits.iter().map(|one| one.words(style == 1)).collect();
    match style {
        0 => {
            let (last, before) = words.split_last().unwrap();
            let all = if before.is_empty() { last.clone() } else { format!("{} and {last}", before.join(", ")) };
            format!("Please create a {noun} called {name} with {all}.")
        }
        1 => format!("{} {name} {}", noun.to_lowercase(), words.join(", ")),
        2 => format!("{noun} {name}: {}", words.join("; ")),
        _ => format!("New {noun} {name}\n- {}", words.join("\n- ")),
    }
}

fn create_of(kind: Kind, name: &str, traits: &[Trait]) -> What {
    let mut create = Create {
        kind: sourced(kind),
        name: sourced(name.to_owned()),
        vmid: None,
        like: None,
        unlike: Vec::new(),
        node: None,
        image: None,
        plain: Vec::new(),
        disks: Vec::new(),
        nics: Vec::new(),
    };
    for one in traits {
        one.said(&mut create);
    }
    What::Create(Box::new(create))
}

fn known() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["web-01", "web-02", "db-1", "test-1", "cache"], 1..=3)
}

fn list(names: &[&str]) -> String {
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.join(""),
    }
}

fn targets(names: &[&str]) -> Vec<Target> {
    names.iter().map(|name| target(name)).collect()
}

fn changing() -> impl Strategy<Value = Saying> {
    let plain = prop::sample::select(vec![(Plain::Cores, "cores"), (Plain::Memory, "memory")]);
    let amount = (any::<bool>(), 1_u64..=32, 0_usize..8);
    let fields = (known(), plain, amount).prop_map(|(names, (plain, noun), (given, number, how))| {
        let value = if plain == Plain::Cores { Value::Count(number) } else { Value::Size(Size::gib(number)) };
        let said = if plain == Plain::Cores { number.to_string() } else { format!("{number} GB") };
        let unit = if plain == Plain::Cores { " cores" } else { " of memory" };
        let whom = list(&names);
        let (amount, text) = match how {
            0 if given => (Amount::To(value), format!("Give {whom} {said}{unit}")),
            0 => (Amount::To(value), format!("Set the {noun} of {whom} to {said}")),
            1 => (Amount::Plus(value), format!("Increase the {noun} of {whom} by {said}")),
            2 => (Amount::Minus(value), format!("Reduce the {noun} of {whom} by {said}")),
            3 => (Amount::Times(2), format!("Double the {noun} of {whom}")),
            4 => (Amount::Over(2), format!("Halve the {noun} of {whom}")),
            5 => (Amount::PerCent(150), format!("Raise the {noun} of {whom} by 50 %")),
            6 => (Amount::PerCent(75), format!("Reduce the {noun} of {whom} by 25 %")),
            _ => (Amount::To(value), format!("{whom}: {said}{unit}")),
        };
        let edits = vec![Edit { field: EditField::Plain(plain), amount, source: Source::inferred("the test says it") }];
        Saying { what: What::Change { targets: targets(&names), edits }, text }
    });
    let others = (known(), 0_usize..7, 1_u64..=200, prop::sample::select(vec!["blue", "team-a"])).prop_map(
        |(names, which, number, tag)| {
            let whom = list(&names);
            let tags = Value::Set([tag.to_owned()].into());
            let flag = |plain, on| (EditField::Plain(plain), Amount::To(Value::Flag(on)));
            let ((field, amount), text) = match which {
                0 => ((EditField::Plain(Plain::Tags), Amount::Plus(tags)), format!("Tag {whom} with {tag}")),
                1 => {
                    ((EditField::Plain(Plain::Tags), Amount::Minus(tags)), format!("Remove the tag {tag} from {whom}"))
                }
                2 => (flag(Plain::Protection, true), format!("Protect {whom}")),
                3 => (flag(Plain::OnBoot, false), format!("Disable autostart for {whom}")),
                4 => {
                    let bridge = Amount::To(Value::Text("vmbr1".to_owned()));
                    ((EditField::Nic(None, NicPart::Bridge), bridge), format!("Move {whom} to vmbr1"))
                }
                5 => {
                    let grown = Amount::Plus(Value::Size(Size::gib(number)));
                    (
                        (EditField::Disk(DiskRef::Only, DiskPart::Size), grown),
                        format!("Grow the disk of {whom} by {number} GB"),
                    )
                }
                _ => {
                    let further = Amount::To(Value::Size(Size::gib(number)));
                    let field = EditField::NewDisk { storage: None, parts: Vec::new() };
                    ((field, further), format!("Add a disk of {number} GB to {whom}"))
                }
            };
            let edits = vec![Edit { field, amount, source: Source::inferred("the test says it") }];
            Saying { what: What::Change { targets: targets(&names), edits }, text }
        },
    );
    prop_oneof![fields, others]
}

fn doing() -> impl Strategy<Value = Saying> {
    (known(), 0_usize..9, "[a-z]{2,6}-[0-9]{1,2}").prop_map(|(names, which, kept)| {
        let whom = list(&names);
        let (deed, text) = match which {
            0 => (Deed::Start, format!("Start {whom}")),
            1 => (Deed::Shutdown { within: None }, format!("Shut down {whom}")),
            2 => (Deed::Stop, format!("Force-stop {whom}")),
            3 => (Deed::Reboot, format!("Reboot {whom}")),
            4 => (Deed::Delete, format!("Delete {whom}")),
            5 => (Deed::Snapshot { name: Some(sourced(kept.clone())) }, format!("Snapshot {whom} as {kept}")),
            6 => (Deed::Rollback { snapshot: Some(sourced(kept.clone())) }, format!("Roll {whom} back to {kept}")),
            7 => (
                Deed::Backup { storage: Some(sourced("local".to_owned())), mode: None },
                format!("Back up {whom} to local"),
            ),
            _ => (
                Deed::Migrate { node: sourced("pve2".to_owned()), storage: None, from: None, offline: false },
                format!("Migrate {whom} to pve2"),
            ),
        };
        Saying { what: What::Do { targets: targets(&names), deed }, text }
    })
}

fn saying() -> impl Strategy<Value = Saying> {
    let made = (creating(), 0..STYLES).prop_map(|((kind, name, traits), style)| Saying {
        what: create_of(kind, &name, &traits),
        text: create_text(kind, &name, &traits, style),
    });
    prop_oneof![made, changing(), doing()]
}

/// A statement without where and why it was said; what was said of a guest has no order.
fn bare(what: &What) -> Json {
    fn strip(value: Json) -> Json {
        match value {
            Json::Object(fields) => {
                let kept = fields.into_iter().filter(|(key, _)| key != "span" && key != "source");
                Json::Object(kept.map(|(key, value)| (key, strip(value))).collect())
            }
            Json::Array(values) => Json::Array(values.into_iter().map(strip).collect()),
            other => other,
        }
    }
    let mut what = what.clone();
    if let What::Create(create) = &mut what {
        create.plain.sort_by_key(|(plain, _)| plain.as_str());
    }
    strip(serde_json::to_value(what).unwrap())
}

fn heard(text: &str) -> Reading {
    read(text, &common::inventory(), &Answers::default())
}

fn same(reading: &Reading, said: &[&What]) -> Result<(), String> {
    let read: Vec<Json> = reading.statements.iter().map(|Statement { what, .. }| bare(what)).collect();
    let said: Vec<Json> = said.iter().map(|what| bare(what)).collect();
    let clear = reading.refusal.is_none() && reading.questions.is_empty() && read == said;
    if clear { Ok(()) } else { Err(format!("{}\n{read:?}\ninstead of\n{said:?}", common::summary(reading))) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_is_read_back(saying in saying()) {
        let found = same(&heard(&saying.text), &[&saying.what]);
        prop_assert!(found.is_ok(), "{}\n{}", saying.text, found.unwrap_err());
    }

    #[test]
    fn several_sentences_are_read_one_by_one(
        mut sayings in prop::collection::vec(prop_oneof![changing(), doing()], 2..=5),
    ) {
        // What is done to some guests’ tags in a row is one change.
        let of_tags = |saying: &Saying| bare(&saying.what).to_string().contains("{\"plain\":\"tags\"}");
        sayings.dedup_by(|later, earlier| of_tags(later) && of_tags(earlier));
        let text = sayings.iter().map(|saying| saying.text.as_str()).collect::<Vec<_>>().join(".\n");
        let said: Vec<&What> = sayings.iter().map(|saying| &saying.what).collect();
        let found = same(&heard(&text), &said);
        prop_assert!(found.is_ok(), "{text}\n{}", found.unwrap_err());
    }

    /// In whatever order a guest is described, it is the same guest.
    #[test]
    fn the_order_of_clauses_says_nothing(
        ((kind, name, traits), shuffled) in creating().prop_flat_map(|made| {
            let shuffled = Just(made.2.clone()).prop_shuffle();
            (Just(made), shuffled)
        }),
        style in 0..STYLES,
    ) {
        let one = heard(&create_text(kind, &name, &traits, style));
        let text = create_text(kind, &name, &shuffled, style);
        let what: Vec<&What> = one.statements.iter().map(|statement| &statement.what).collect();
        let found = same(&heard(&text), &what);
        prop_assert!(one.questions.is_empty() && found.is_ok(), "{text}\n{}", found.err().unwrap_or_default());
    }

    /// A sentence about something else is always asked about, by its words.
    #[test]
    fn a_foreign_sentence_is_named(
        saying in saying(),
        foreign in "(zorb|klim|vrast|quend|plotz) [bdfgk]ru[lmnp]f [bdfgk]oz[aeiou]l( [bdfgk]ri[lmnp]k){0,3}",
        before in any::<bool>(),
        apart in prop::sample::select(vec![". ", "\n", "\n\n"]),
    ) {
        let text = if before { format!("{foreign}{apart}{}", saying.text) } else { format!("{}{apart}{foreign}", saying.text) };
        let reading = heard(&text);
        let first = foreign.split(' ').next().unwrap();
        let named = reading.questions.iter().any(|question| question.text.contains(first));
        prop_assert!(named, "{text}\n{}", common::summary(&reading));
    }
}
