//! `kill -9` in the middle of the work, and what is left of it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::{Home, PASSWORD};
use serde_json::Value;

/// How often the server is killed while it makes the guests, at most: a busy machine lets several be done between looks.
const KILLS: usize = 4;
/// How often at least, or the run shows nothing.
const KILLS_AT_LEAST: usize = 2;
const GUESTS: usize = 20;
/// Long enough that several steps are under way at any moment, short enough for a test.
const TIME_SCALE: (&str, &str) = ("MYCOPOD_SANDBOX_TIME_SCALE", "0.3");

fn done(declaration: &Value) -> usize {
    let steps = declaration["reconciliation"]["steps"].as_array();
    steps.map_or(0, |steps| steps.iter().filter(|step| step["state"] == "done").count())
}

#[tokio::test]
async fn guests_come_into_being_once_each_however_often_the_server_is_killed() {
    let home = Home::new();
    let mut server = home.serve(&[TIME_SCALE]);
    let person = server.login().await;
    let id = person.approve("Create twenty VMs many-1 to many-20 with 1 core, 512 MB memory and a 1 GB disk.").await;
    let mut seen = 0;
    let mut kills = 0;
    while kills < KILLS {
        let person = server.login().await;
        // Killed when something more is done, so that each life gets a little further.
        let declaration = loop {
            let declaration = person.get(&format!("/declarations/{id}")).await;
            if done(&declaration) > seen || declaration["status"] == "converged" {
                break declaration;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        seen = done(&declaration);
        if seen == GUESTS {
            break;
        }
        kills += 1;
        server.kill();
        server = home.serve(&[TIME_SCALE]);
        assert!(server.log().contains("found running"), "the private PostgreSQL was not adopted:\n{}", server.log());
    }
    assert!(kills >= KILLS_AT_LEAST, "all was done after {kills} kills: this run shows nothing");

    let person = server.login().await;
    let declaration = person.settled(&id).await;
    assert_eq!(declaration["status"], "converged", "{declaration:#}");
    let mut guests: BTreeMap<String, usize> = BTreeMap::new();
    for guest in person.get("/guests").await.as_array().unwrap() {
        let name = guest["name"].as_str().unwrap();
        if name.starts_with("many-") {
            assert_eq!(guest["managed"], true, "{guest:#}");
            *guests.entry(name.to_owned()).or_default() += 1;
        }
    }
    let expected: BTreeMap<String, usize> = (1..=GUESTS).map(|n| (format!("many-{n}"), 1)).collect();
    assert_eq!(guests, expected);
    let audit = person.get("/audit/verify").await;
    assert_eq!(audit["ok"], true, "{audit:#}");

    let secret = std::fs::read_to_string(home.path().join("data/secret")).unwrap();
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    for (name, hidden) in [("the password", PASSWORD), ("the secret", secret.trim())] {
        assert!(!log.contains(hidden), "{name} is in the log");
    }
    let pid_file = home.path().join("data/pg/data/postmaster.pid");
    assert!(!pid_file.exists(), "the private PostgreSQL still runs");
}
