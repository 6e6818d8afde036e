//! The way by which a guest is managed is never closed unasked, whoever closes it and whenever it is found.

use std::collections::BTreeMap;

use mycopod_core::field::{Field, NicPart, Plain, Value};
use mycopod_core::firewall::{Firewall, FirewallOption, SeenRule};
use mycopod_core::guest::Kind;
use mycopod_core::observed::{Observed, Sighting};
use mycopod_core::policy::Policy;
use mycopod_core::reading::{Amount, Answers, EditField, FirewallPart, LEAVE_OUT};
use mycopod_core::resolve::firewalls_of;

use crate::life::Life;
use crate::support::{Extra, Saying, Want, answer, by_name, cluster, declaration, guest, question, resolved, text};

fn firewall(enable: &str, rules: &[&str]) -> Firewall {
    Firewall {
        options: BTreeMap::from([("enable".to_owned(), enable.to_owned())]),
        rules: rules
            .iter()
            .map(|rule| SeenRule { rule: rule.parse().unwrap(), comment: "theirs".to_owned() })
            .collect(),
        ..Firewall::default()
    }
}

fn with(sighting: Sighting) -> Observed {
    let mut observed = cluster();
    observed.guests.push(sighting);
    observed
}

fn wall(firewall: Firewall) -> Sighting {
    guest(Kind::Qemu, 150, "wall", "pve1").runs().with_firewall(firewall)
}

fn saying(edits: &[(EditField, Amount)]) -> Saying {
    Saying::default().change(by_name("wall"), edits)
}

fn enabling() -> (EditField, Amount) {
    (EditField::Firewall(FirewallPart::Option(FirewallOption::Enable)), Amount::To(Value::Flag(true)))
}

fn rule(rule: &str) -> (EditField, Amount) {
    (EditField::Firewall(FirewallPart::Rule), Amount::To(text(rule)))
}

#[test]
fn turning_a_firewall_on_asks_unless_somebody_gets_in() {
    let closed = with(wall(firewall("0", &["IN HTTP(ACCEPT)"])));
    let asked = question(&saying(&[enabling()]), &closed);
    assert!(asked.text.contains("port 22 of wall"), "{}", asked.text);
    let intent = resolved(&saying(&[enabling()]), &closed, &answer(&asked, "10.0.0.0/8")).unwrap();
    let mut life = Life::new(closed);
    let plan = life.plan(&intent).unwrap();
    let names: Vec<&str> = plan.steps().iter().map(|step| step.action.name()).collect();
    assert_eq!(names, ["adopt", "add_rule", "set_firewall"]);
    life.carry_out(plan.steps());
    assert!(life.plan(&intent).unwrap().is_empty(), "a plan carried out leaves none");

    let open = with(wall(firewall("0", &["IN SSH(ACCEPT) -source 10.0.0.0/8"])));
    assert!(resolved(&saying(&[enabling()]), &open, &Answers::default()).is_ok());
    let both = saying(&[enabling(), rule("IN SSH(ACCEPT)")]);
    assert!(resolved(&both, &with(wall(firewall("0", &[]))), &Answers::default()).is_ok());
}

#[test]
fn a_guest_with_windows_is_managed_by_another_port() {
    let windows = wall(firewall("0", &["IN SSH(ACCEPT)"])).has(Field::Plain(Plain::OsType), text("win11"));
    assert!(question(&saying(&[enabling()]), &with(windows)).text.contains("port 3389"));
}

#[test]
fn filtering_a_nic_asks_where_its_guest_s_firewall_lets_nobody_in() {
    let on = (EditField::Nic(Some(0), NicPart::Firewall), Amount::To(Value::Flag(true)));
    let asked = question(&saying(std::slice::from_ref(&on)), &with(wall(firewall("1", &[]))));
    assert!(asked.text.contains("port 22"), "{}", asked.text);
    let off = with(wall(firewall("0", &[])));
    assert!(resolved(&saying(std::slice::from_ref(&on)), &off, &Answers::default()).is_ok(), "it is off");
    let unread = with(guest(Kind::Qemu, 150, "wall", "pve1"));
    assert!(question(&saying(&[on]), &unread).text.contains("could not be read"), "unknown is not open");
}

#[test]
fn the_firewall_is_looked_at_before_nics_are_filtered_or_moved() {
    for part in [NicPart::Firewall, NicPart::Bridge, NicPart::Mtu] {
        for field in [EditField::Nic(Some(0), part), EditField::EachNic(None, part)] {
            let said = saying(&[(field.clone(), Amount::To(Value::Flag(true)))]);
            let seen = with(guest(Kind::Qemu, 150, "wall", "pve1"));
            let looked = firewalls_of(declaration(), "", &said.reading, &seen, &Policy::default(), &Answers::default());
            assert_eq!(looked.len(), usize::from(part != NicPart::Mtu), "{field:?}");
        }
    }
}

#[test]
fn what_was_closed_before_is_no_reason_to_ask_about_something_else() {
    for filters in [true, false] {
        let closed = with(wall(firewall("1", &[])).has(Field::Nic(0, NicPart::Firewall), Value::Flag(filters)));
        let intent = resolved(&saying(&[rule("IN HTTPS(ACCEPT)")]), &closed, &Answers::default()).unwrap();
        assert!(Life::new(closed).plan(&intent).is_ok(), "filters: {filters}");
    }
}

#[test]
fn planning_asks_when_what_kept_the_door_open_is_gone_since() {
    let open = with(wall(firewall("0", &["IN SSH(ACCEPT)"])));
    let intent = resolved(&saying(&[enabling()]), &open, &Answers::default()).unwrap();
    assert!(Life::new(open).plan(&intent).is_ok());
    let questions = Life::new(with(wall(firewall("0", &[])))).plan(&intent).unwrap_err();
    assert!(questions[0].text.contains("close port 22 of wall"), "{questions:#?}");
}

#[test]
fn agreeing_is_remembered_and_only_the_guest_s_name_agrees() {
    let closed = with(wall(firewall("0", &[])));
    let asked = question(&saying(&[enabling()]), &closed);
    for no in ["yes", "Wall", "10.0.0.0", "10.0.0.1/8", "from nowhere"] {
        let answers = answer(&asked, no);
        let again = resolved(&saying(&[enabling()]), &closed, &answers);
        assert!(no == "10.0.0.0" || again.is_err(), "{no} agrees to nothing");
    }
    let intent = resolved(&saying(&[enabling()]), &closed, &answer(&asked, "wall")).unwrap();
    let plan = Life::new(closed).plan(&intent).unwrap();
    assert!(plan.notes().iter().any(|note| note.contains("as was agreed")), "{:?}", plan.notes());
}

#[test]
fn rules_of_others_are_named_and_left_alone() {
    let pattern = "ANY ANY -p tcp -dport 80";
    let edit = (EditField::Firewall(FirewallPart::Rule), Amount::Minus(text(pattern)));
    let asked = question(&saying(&[edit]), &with(wall(firewall("0", &["IN HTTP(ACCEPT)"]))));
    assert!(asked.text.contains("MycoPod did not make it"), "{}", asked.text);
}

#[test]
fn addresses_that_the_firewall_does_not_know_are_asked_about() {
    let known = Firewall { known: ["+blocklist".to_owned(), "office".to_owned()].into(), ..firewall("0", &[]) };
    for (source, fits) in [
        ("10.0.0.0/8", true),
        ("10.0.0.1-10.0.0.9", true),
        ("+blocklist", true),
        ("office", true),
        ("+nobody", false),
        ("home", false),
        ("10.0.0.1/8", false),
        ("10.0.0.9-10.0.0.1", false),
        ("10.0.0.0/8,fd00::/8", false),
    ] {
        let said = saying(&[rule(&format!("IN HTTPS(ACCEPT) -source {source}"))]);
        let resolved = resolved(&said, &with(wall(known.clone())), &Answers::default());
        assert_eq!(resolved.is_ok(), fits, "{source}");
    }
}

fn new(edits: &[(EditField, Amount)]) -> Saying {
    let wanted = [Want::Image("debian 12"), Want::Plain(Plain::Running, Value::Flag(true))];
    Saying::default().create("new-1", Kind::Qemu, &wanted).change(by_name("new-1"), edits)
}

#[test]
fn a_new_guest_has_its_firewall_before_it_runs() {
    let said = new(&[enabling(), rule("IN SSH(ACCEPT) -source 10.0.0.0/8"), rule("IN HTTPS(ACCEPT)")]);
    let intent = resolved(&said, &cluster(), &Answers::default()).unwrap();
    let mut life = Life::new(cluster());
    let plan = life.plan(&intent).unwrap();
    let names: Vec<&str> = plan.steps().iter().map(|step| step.action.name()).collect();
    assert_eq!(names, ["clone", "add_rule", "add_rule", "set_firewall", "start"]);
    assert!(plan.notes().iter().any(|note| note.contains("No NIC of new-1")), "{:?}", plan.notes());
    life.carry_out(plan.steps());
    assert!(life.plan(&intent).unwrap().is_empty(), "a plan carried out leaves none");
}

#[test]
fn a_new_guest_is_not_made_without_a_way_in_unasked() {
    let asked = question(&new(&[enabling()]), &cluster());
    assert!(asked.text.contains("port 22 of new-1"), "{}", asked.text);
    let intent = resolved(&new(&[enabling()]), &cluster(), &answer(&asked, "10.0.0.0/8")).unwrap();
    let plan = Life::new(cluster()).plan(&intent).unwrap();
    assert!(plan.steps().iter().any(|step| step.summary.contains("SSH(ACCEPT) -source 10.0.0.0/8")), "{plan:#?}");
    assert!(resolved(&new(&[enabling()]), &cluster(), &answer(&asked, "yes")).is_err());
    let agreed = resolved(&new(&[enabling()]), &cluster(), &answer(&asked, "new-1")).unwrap();
    assert!(Life::new(cluster()).plan(&agreed).is_ok());
    let left = resolved(&new(&[enabling()]), &cluster(), &answer(&asked, LEAVE_OUT)).unwrap();
    let plan = Life::new(cluster()).plan(&left).unwrap();
    let names: Vec<&str> = plan.steps().iter().map(|step| step.action.name()).collect();
    assert_eq!(names, ["clone", "start"], "all but its firewall");
}

#[test]
fn what_a_new_guest_cannot_have_yet_is_asked_about() {
    let group = question(&new(&[rule("GROUP web")]), &cluster());
    assert!(group.text.contains("when it exists"), "{}", group.text);
    let set =
        (EditField::Firewall(FirewallPart::IpSet("admins".into())), Amount::To(Value::Set(["10.0.0.1".into()].into())));
    assert!(question(&new(&[set]), &cluster()).text.contains("when it exists"));
}
