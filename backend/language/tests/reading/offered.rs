//! What is offered for words that were not understood is understood in their place.

use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, LEAVE_OUT, Reworded};
use mycopod_language::read;

use crate::case::cases;
use crate::world::worlds;

/// What is offered for the first question that is asked of `say`, but for leaving the words out.
fn offered(say: &str) -> Vec<String> {
    let reading = read(say, &Inventory::of(&worlds()["rack"]), &Answers::default());
    let options = reading.questions.into_iter().next().map(|question| question.options).unwrap_or_default();
    options.into_iter().filter(|option| option != LEAVE_OUT).collect()
}

#[test]
fn rewordings_are_offered_of_the_words_that_were_said() {
    for (say, offers) in [
        ("delete test-1 or test-2", &["delete test-1", "delete test-2"] as &[_]),
        ("stop web-01, web-02 or db-1", &["stop web-01", "stop web-02", "stop db-1"]),
        ("create vm x-1 with 2 or 4 cores", &["create vm x-1 with 2 cores", "create vm x-1 with 4 cores"]),
        ("web-01 needs around 8 GB RAM", &["web-01 needs 8 GB RAM"]),
        ("should I delete test-1?", &["delete test-1"]),
        ("reboot web-01 tomorrow at noon", &["reboot web-01"]),
        ("rmeove test-2", &["remove test-2"]),
        ("new disk for web-01: 20", &["add a disk of 20 GB to web-01", "grow the disk of web-01 by 20 GB"]),
        ("decommission old-backup", &["delete old-backup"]),
        // A large number of memory without a unit counts MiB.
        (
            "qm set web-01 --memory 8192",
            &["set the memory of web-01 to 8192 MB", "increase the memory of web-01 by 8192 MB"],
        ),
        // What takes away, hangs on something or points elsewhere is not guessed at.
        ("web-01 no longer needs 8 GB RAM", &[]),
        ("stop web-01 if db-1 is idle", &[]),
        ("either start test-1 or delete it", &[]),
        ("delete the web server", &[]),
    ] {
        assert_eq!(offered(say), offers, "{say}");
    }
}

#[test]
fn what_is_offered_is_understood_in_its_place() {
    let worlds = worlds();
    let mut tried = 0;
    for case in cases("dev") {
        let inventory = Inventory::of(&worlds[&case.world[..]]);
        let reading = read(&case.say, &inventory, &Answers::default());
        for question in reading.questions.iter().filter(|question| question.takes_other_words()) {
            for option in question.options.iter().filter(|option| *option != LEAVE_OUT) {
                let reworded = Reworded::of(&case.say, &[(question.id.clone(), option.clone())]).unwrap();
                let place = reworded.moved(question.span.unwrap());
                let again = read(&reworded.text, &inventory, &Answers::default());
                let asked = again.questions.iter().filter(|question| question.takes_other_words());
                let still: Vec<_> = asked
                    .filter(|asked| asked.span.is_some_and(|span| span.start < place.end && place.start < span.end))
                    .collect();
                assert!(still.is_empty(), "{:?} → {:?}: {still:?}", case.say, reworded.text);
                tried += 1;
            }
        }
    }
    assert!(tried > 50, "{tried} rewordings are offered in all");
}
