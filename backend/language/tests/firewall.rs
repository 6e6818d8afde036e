//! Sentences about the firewall, and what the built-in reader must make of each: `sentence => reading`.

mod common;

use mycopod_core::reading::Answers;
use mycopod_language::read;

#[test]
fn every_sentence_about_the_firewall_is_read_as_expected() {
    let inventory = common::inventory();
    let mut wrong = Vec::new();
    let lines = include_str!("firewall.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let (sentence, expected) = line.split_once(" => ").expect("a line is `sentence => reading`");
        let reading = read(sentence, &inventory, &Answers::default());
        let summary = common::summary(&reading);
        if summary != expected {
            wrong.push(format!("{sentence}\n  expected {expected}\n  read     {summary}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
