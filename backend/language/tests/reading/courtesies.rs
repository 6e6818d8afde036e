//! What is said around a declaration changes nothing of it: neither what is planned nor that a question comes.

use crate::case::{Case, cases};
use crate::judge::{Verdict, judge};
use crate::world::worlds;

/// Each declaration of the corpus is said with one of these around it, in turn; `{}` is where it stands.
const AROUND: [&str; 18] = [
    "Hi, {}",
    "{} please",
    "{}, thx",
    "{} :)",
    "- {}",
    "{}!",
    "1. {}",
    "hello {}",
    "TODO: {}",
    "{}. Thanks in advance!",
    "{}, please.",
    "Ticket #4711: {}",
    "{} pls",
    "{}. Ticket #4711.",
    "Good morning! {}",
    "Hello team,\n\n{}\n\nThanks!",
    "{}\n\nBest regards",
    "{}\nTicket: CHG-5512",
];

/// How many may be asked about that are read alone; it only falls.
const ASKED: usize = 7;

#[test]
fn what_is_said_around_a_declaration_changes_nothing() {
    let worlds = worlds();
    let (mut asked, mut wrong) = (Vec::new(), Vec::new());
    // English words beside another language’s are a text of both.
    let fits = |case: &Case| !case.say.contains('\n') && !case.at.contains("languages");
    let said = cases("dev").into_iter().filter(fits);
    for (mut case, around) in said.zip(AROUND.into_iter().cycle()) {
        // “Can I … ? please” is said by nobody.
        let ends = case.say.ends_with(['?', '!', ')', ':']);
        if judge(&case, &worlds).0 != Verdict::Exact || ends && !around.ends_with("{}") {
            continue;
        }
        case.say = around.replace("{}", case.say.trim_end_matches('.'));
        match judge(&case, &worlds) {
            (Verdict::Exact, _) => {}
            (Verdict::Asked, why) => asked.push(format!("{}: {:?}\n    {why}", case.at, case.say)),
            (verdict, why) => wrong.push(format!("{verdict:?} {}: {:?}\n    {why}", case.at, case.say)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked.len() <= ASKED, "{} are asked about, and {ASKED} were\n{}", asked.len(), asked.join("\n"));
}
