//! A bounded run: of each deed a few of its cases. `scripts/torture --points` runs them all.

use mycopod_torture::deeds::DEEDS;
use mycopod_torture::lab::Lab;
use mycopod_torture::time::Chance;
use mycopod_torture::{SCALE, points};

/// Cases of each deed here, and pairs.
const CASES: usize = 2;
const PAIRS: usize = 1;
/// All chance follows from it.
const SEED: u64 = 4;

async fn survives(deeds: std::ops::Range<usize>) {
    let mut lab = Lab::new(SCALE).await;
    let pristine = points::pristine(&mut lab);
    let mut chance = Chance::new(SEED);
    let mut all = Vec::new();
    for deed in DEEDS.iter().skip(deeds.start).take(deeds.len()) {
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
    ($($name:ident: $deeds:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            survives($deeds).await;
        }
    )*};
}

// Tests of their own run side by side.
parts! {
    the_first_deeds_are_done_once_whatever_crashes: 0..10;
    the_second_deeds_are_done_once_whatever_crashes: 10..20;
    the_third_deeds_are_done_once_whatever_crashes: 20..30;
    the_fourth_deeds_are_done_once_whatever_crashes: 30..40;
    the_fifth_deeds_are_done_once_whatever_crashes: 40..50;
    the_other_deeds_are_done_once_whatever_crashes: 50..DEEDS.len();
}
