//! What guests are called, and what stands in their notes and tags, changes no reading and no plan: byte for byte.

use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::guest::Kind;
use mycopod_core::observed::Observed;
use mycopod_core::policy::Policy;
use mycopod_core::ports::Inventory;
use mycopod_core::reading::Answers;
use mycopod_core::resolve::resolve;
use mycopod_language::read;

use crate::case::cases;
use crate::hostile::hostile;
use crate::life::Life;
use crate::support::{declaration, guest};
use crate::world::worlds;

/// The first number of the guests beside those of the world.
const BESIDE: u32 = 5_000;

/// The world with a guest for each of these beside its own: its name, its notes, a tag of it.
fn beside(world: &Observed, words: impl Iterator<Item = String>) -> Observed {
    let mut world = world.clone();
    let node = world.nodes.keys().next().unwrap().clone();
    for (number, words) in (BESIDE..).zip(words) {
        let mut seen = guest(Kind::Qemu, number, &words, &node);
        seen.fields.insert(Field::Plain(Plain::Description), Value::Text(words.clone()));
        seen.fields.insert(Field::Plain(Plain::Tags), Value::Set([words].into_iter().collect()));
        world.guests.push(seen);
    }
    world
}

/// What comes of a declaration: the reading, and the plan or the questions, all as they are kept.
fn comes_of(text: &str, world: &Observed) -> (String, String) {
    let (policy, answers) = (Policy::default(), Answers::default());
    let mut reading = read(text, &Inventory::of(world), &answers);
    let planned = resolve(declaration(), text, &reading, world, &policy, &answers)
        .and_then(|intent| Life::new(world.clone()).plan(&intent))
        .map(|plan| serde_json::to_string(&plan).unwrap());
    // Whoever is asked which one is meant is shown the names that there are.
    let ids = |questions: &[mycopod_core::reading::Question]| {
        questions.iter().map(|question| question.id.clone()).collect::<Vec<_>>().join(" ")
    };
    reading.questions.iter_mut().for_each(|question| question.options.clear());
    (serde_json::to_string(&reading).unwrap(), planned.unwrap_or_else(|questions| ids(&questions)))
}

#[test]
fn what_guests_are_called_changes_no_reading_and_no_plan() {
    let worlds = worlds();
    let harmless: Vec<String> = hostile().enumerate().map(|(number, _)| format!("guest-{number}")).collect();
    let mut planned = 0;
    for case in cases("dev").into_iter().step_by(3) {
        let world = &worlds[&case.world];
        let plain = comes_of(&case.say, &beside(world, harmless.iter().cloned()));
        let beset = comes_of(&case.say, &beside(world, hostile()));
        // “All VMs” and “the web VMs” may be these as well: whoever is chosen by what they are called is asked about.
        if plain.0.contains("{\"all\":") {
            continue;
        }
        assert!(plain == beset, "{}: {}\n{}\n{}\n", case.at, case.say, plain.0, beset.0);
        planned += usize::from(plain.1.starts_with('{'));
    }
    assert!(planned > 30, "{planned} plans were compared");
}
