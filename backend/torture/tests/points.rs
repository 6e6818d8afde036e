//! A bounded run: of every second deed a few of its cases. `scripts/torture --points` runs them all.

use mycopod_torture::deeds::DEEDS;
use mycopod_torture::fate::Fate;
use mycopod_torture::lab::Lab;
use mycopod_torture::time::Chance;
use mycopod_torture::{SCALE, points};

/// Cases of each deed here, and pairs.
const CASES: usize = 2;
const PAIRS: usize = 1;
/// All chance follows from it.
const SEED: u64 = 4;

/// Parts that run side by side.
const PARTS: usize = 6;

async fn survives(part: usize) {
    let mut lab = Lab::new(SCALE).await;
    let pristine = points::pristine(&mut lab);
    let mut chance = Chance::new(SEED);
    let mut all = Vec::new();
    for deed in DEEDS.iter().step_by(2).skip(part).step_by(PARTS) {
        let prepared = points::prepare(&mut lab, &pristine, deed, SEED).await.expect("nothing goes wrong yet");
        assert!(prepared.count() >= 40, "{}: {} points", deed.name, prepared.count());
        let singles = prepared.cases();
        let mut cases: Vec<_> = (0..CASES).map(|_| chance.of(&singles).clone()).collect();
        cases.extend((0..PAIRS).map(|_| prepared.pair(&mut chance)));
        for case in cases {
            let wrong = prepared.run(&mut lab, &case).await;
            if !wrong.is_empty() {
                all.push(format!("{case}: {}", wrong.join("; ")));
            }
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

macro_rules! parts {
    ($($name:ident: $part:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            survives($part).await;
        }
    )*};
}

parts! {
    the_first_deeds_are_done_once_whatever_crashes: 0;
    the_second_deeds_are_done_once_whatever_crashes: 1;
    the_third_deeds_are_done_once_whatever_crashes: 2;
    the_fourth_deeds_are_done_once_whatever_crashes: 3;
    the_fifth_deeds_are_done_once_whatever_crashes: 4;
    the_other_deeds_are_done_once_whatever_crashes: 5;
}

/// A call of a process that stood still comes at every second moment of what the process that took over does.
#[tokio::test(start_paused = true)]
async fn a_copy_that_comes_late_is_taken_for_what_it_is() {
    let mut lab = Lab::new(SCALE).await;
    let pristine = points::pristine(&mut lab);
    let deed = DEEDS.iter().find(|deed| deed.name == "clone").expect("it is there");
    let prepared = points::prepare(&mut lab, &pristine, deed, SEED).await.expect("nothing goes wrong yet");
    let cases = prepared.thoroughly(prepared.find("submit").expect("it is sent"));
    let late = cases.iter().filter(|case| matches!(case.fates[0].1, Fate::Freeze { executed: false, .. }));
    let mut tried = 0;
    for case in late.step_by(2) {
        let wrong = prepared.run(&mut lab, case).await;
        assert!(wrong.is_empty(), "{case}: {}", wrong.join("; "));
        tried += 1;
    }
    assert!(tried >= 10, "{tried} cases");
}
