//! A few whole lives. `scripts/torture --lives N` lives as many as one likes.

use mycopod_torture::lab::Lab;
use mycopod_torture::{SCALE, life, points};

/// Lives of each test here.
const LIVES: u64 = 4;
/// What replicas and their successors need in a life; were each used once, there would be five hundred.
const CONNECTIONS: u64 = 100;

async fn live(first: u64) {
    let mut lab = Lab::new(SCALE).await;
    let pristine = points::pristine(&mut lab);
    let mut all = Vec::new();
    for seed in first..first + LIVES {
        let wrong = life::live(&mut lab, &pristine, seed).await;
        if !wrong.is_empty() {
            all.push(format!("life {seed}:\n{}", wrong.join("\n")));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
    let opened = lab.connections();
    assert!(opened < LIVES * CONNECTIONS, "connections are not used again: there were {opened}");
}

#[tokio::test(start_paused = true)]
async fn lives_end_well() {
    live(1).await;
}

#[tokio::test(start_paused = true)]
async fn other_lives_end_well() {
    live(1_001).await;
}
