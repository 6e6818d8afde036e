//! The whole path over the command line.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use crate::common::Home;
use serde_json::Value;

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error} in {output:?}"))
}

#[test]
fn a_session_that_has_run_out_is_renewed() {
    let home = Home::new();
    let server = home.serve(&[]);
    server.keep_session();
    let path = home.path().join(".config/mycopod/session.json");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = || serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()).unwrap();
    let mut session = kept();
    session["token"] = "run out".into();
    std::fs::write(&path, session.to_string()).unwrap();
    let renewed = server.run(&["guests"]);
    assert!(renewed.status.success(), "{renewed:?}");
    assert_ne!(kept()["refresh"], session["refresh"], "each cookie counts once");
    assert!(server.run(&["guests"]).status.success());

    // A token goes to the server that gave it, and to no other.
    session["url"] = "http://127.0.0.1:1".into();
    std::fs::write(&path, session.to_string()).unwrap();
    assert_eq!(server.run(&["guests"]).status.code(), Some(8));
}

#[test]
fn from_a_sentence_to_a_guest_and_its_proof() {
    let home = Home::new();
    let server = home.serve(&[("MYCOPOD_SANDBOX_TIME_SCALE", "0.05")]);
    assert_eq!(server.run(&["guests"]).status.code(), Some(8), "nobody is logged in yet");
    server.keep_session();

    let declared = server.run(&["declare", "--detailed-exitcode", "Create a VM cli-1 with 2 cores and 1 GB memory."]);
    assert_eq!(declared.status.code(), Some(2), "{declared:?}");
    let declared = json(&declared);
    let id = declared["id"].as_str().unwrap();
    let unasked = server.run(&["approve", id]);
    assert_eq!(unasked.status.code(), Some(64), "nobody can be asked here: {unasked:?}");
    let other = server.run(&["approve", id, "--yes", "--digest", &"0".repeat(64)]);
    assert_eq!(other.status.code(), Some(5), "that is another plan’s digest: {other:?}");
    let approved = server.run(&["approve", id, "--yes"]);
    assert_eq!(approved.status.code(), Some(0), "{approved:?}");
    assert_eq!(json(&approved)["status"], "converged");
    let guests = json(&server.run(&["guests"]));
    assert!(guests.as_array().unwrap().iter().any(|guest| guest["name"] == "cli-1" && guest["managed"] == true));
    assert_eq!(server.run(&["drift", "--detailed-exitcode"]).status.code(), Some(0));

    let asked = server.run(&["declare", "Create a VM cli-2 with plenty of frobnication."]);
    assert_eq!(asked.status.code(), Some(3), "{asked:?}");
    let id = json(&asked)["id"].as_str().unwrap().to_owned();
    assert_eq!(server.run(&["cancel", &id]).status.code(), Some(0));
    assert_eq!(server.run(&["status", &id]).status.code(), Some(10));

    let doomed = server.run(&["declare", "--detailed-exitcode", "Delete cli-1."]);
    let id = json(&doomed)["id"].as_str().unwrap().to_owned();
    let unnamed = server.run(&["approve", &id, "--yes"]);
    assert_eq!(unnamed.status.code(), Some(1), "what is destroyed was not named: {unnamed:?}");
    let named = server.run(&["approve", &id, "--yes", "--destroy", "cli-1"]);
    assert_eq!(named.status.code(), Some(0), "{named:?}");

    let log = home.path().join("log.jsonl");
    let checkpoint = home.path().join("checkpoint.json");
    let (log, checkpoint) = (log.to_str().unwrap(), checkpoint.to_str().unwrap());
    assert!(server.run(&["audit", "verify"]).status.success());
    assert!(server.run(&["audit", "export", "--output", log, "--checkpoint", checkpoint]).status.success());
    let (status, _) = server.stop();
    assert!(status.success());

    // From here on without a server.
    let verify = || home.run(&["audit", "verify", "--export", log, "--checkpoint", checkpoint], &[]);
    assert!(verify().status.success(), "{:?}", verify());
    let lines = std::fs::read_to_string(log).unwrap();
    let forged: Vec<String> = lines
        .lines()
        .enumerate()
        .map(|(at, line)| if at == 3 { line.replacen("\"status\":\"", "\"status\":\"x", 1) } else { line.to_owned() })
        .collect();
    std::fs::write(log, forged.join("\n")).unwrap();
    let found = verify();
    assert_eq!(found.status.code(), Some(11), "{found:?}");
    assert_eq!(json(&found)["first_bad"]["first"], 4, "{found:?}");
}

#[test]
fn a_second_cluster_is_added_declared_on_and_removed() {
    let home = Home::new();
    let server = home.serve(&[("MYCOPOD_SANDBOX_TIME_SCALE", "0"), ("MYCOPOD_KEEP_SECONDS", "1")]);
    server.keep_session();
    let ca = home.path().join("lab-ca.pem");
    let mut lab = home
        .mycopod(&["sandbox", "--listen", "127.0.0.1:0", "--time-scale", "0", "--token", "root@pam!lab=hush-hush"])
        .args(["--ca-out", ca.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let url = {
        let said = std::io::BufReader::new(lab.stderr.take().unwrap());
        let found = std::io::BufRead::lines(said).map_while(Result::ok).find_map(|line| {
            let start = line.find("https://127.0.0.1:")?;
            Some(line[start..].split_whitespace().next()?.trim_end_matches(['.', ',', '"']).to_owned())
        });
        found.unwrap()
    };
    let add = |token: &str| {
        let mut child = home
            .mycopod(&["cluster", "add", "lab", "--url", &url, "--ca-file", ca.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{token}").unwrap();
        child.wait_with_output().unwrap()
    };
    let wrong = add("root@pam!lab=hush");
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    let added = add("root@pam!lab=hush-hush");
    assert!(added.status.success(), "{added:?}");
    assert!(json(&added)["version"].as_str().unwrap().starts_with("8.4"));
    assert!(server.run(&["cluster", "test", "lab"]).status.success());

    let declared = server.run(&["declare", "Create a VM cli-lab with 1 core and 1 GB memory on cluster lab."]);
    let declared = json(&declared);
    assert_eq!(declared["cluster"], "lab", "{declared:#}");
    let id = declared["id"].as_str().unwrap();
    let approved = server.run(&["approve", id, "--yes"]);
    assert_eq!(json(&approved)["status"], "converged", "{approved:?}");
    let listed = server.run(&["--text", "guests", "--managed"]);
    let shown = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(shown.contains("cli-lab") && shown.contains("lab/pve"), "{shown}");
    let kept = server.run(&["cluster", "remove", "lab"]);
    assert!(String::from_utf8_lossy(&kept.stderr).contains("cli-lab"), "{kept:?}");
    let doomed = json(&server.run(&["declare", "Delete cli-lab in the lab cluster."]));
    let id = doomed["id"].as_str().unwrap().to_owned();
    assert!(server.run(&["approve", &id, "--yes", "--destroy", "cli-lab"]).status.success());
    assert!(server.run(&["cluster", "remove", "lab"]).status.success());
    let left = json(&server.run(&["cluster", "list"]));
    assert_eq!(left.as_array().unwrap().len(), 1);
    for output in [&added, &wrong, &kept] {
        assert!(!format!("{output:?}").contains("hush"), "{output:?}");
    }
    lab.kill().unwrap();
    lab.wait().unwrap();
}
