//! A bounded run: of every second deed a few of its cases. `scripts/torture --points` runs them all.

use mycopod_torture::deeds::DEEDS;
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
