//! A guest's firewall: edited minimally, never twice, and never so that nobody gets in any more.

use std::time::Duration;

use mycopod_core::id::DeclarationId;
use mycopod_engine::view::Detail;
use mycopod_sandbox::{Effect, Fault};
use reqwest::Method;
use serde_json::Value;

use crate::lab::Lab;

/// A guest of ours with rules of other people.
async fn guarded(lab: &Lab) -> String {
    lab.make("Create a VM called wall-1 with 1 core, 1 GB RAM and a 5 GB disk").await;
    let guest = lab.named("wall-1").await.remove(0).guest;
    let base = format!("/nodes/{}/qemu/{}/firewall", guest.node, guest.vmid);
    for rule in [
        vec![("type", "in"), ("action", "ACCEPT"), ("macro", "SSH"), ("enable", "1"), ("comment", "ops: do not touch")],
        vec![("type", "out"), ("action", "DROP"), ("dest", "10.9.0.0/16"), ("comment", "ünïcode")],
        vec![("type", "in"), ("action", "ACCEPT"), ("proto", "tcp"), ("dport", "80"), ("enable", "1")],
    ] {
        lab.by_hand(Method::POST, &format!("{base}/rules"), &rule).await;
    }
    base
}

/// The rules as Proxmox lists them, without what only tells their place.
async fn rules(lab: &Lab, base: &str) -> Vec<Value> {
    let mut rules = lab.by_hand(Method::GET, &format!("{base}/rules"), &[]).await.as_array().unwrap().clone();
    for rule in &mut rules {
        let rule = rule.as_object_mut().unwrap();
        rule.remove("pos");
        rule.remove("digest");
    }
    rules
}

/// Counts calls of that method on any firewall from here on.
fn count(lab: &Lab, method: &str) -> impl Fn(&Lab) -> u32 + use<> {
    let fault = Fault::request(method, "/**/firewall/**", Effect::DropRequest).after(10_000);
    let id = lab.sandbox.inject(fault).unwrap();
    move |lab| lab.sandbox.faults().into_iter().find(|injected| injected.id == id).unwrap().passed
}

fn actions(detail: &Detail) -> Vec<&'static str> {
    detail.plan.as_ref().unwrap().steps.iter().map(|step| step.action).collect()
}

async fn answer(lab: &Lab, detail: &Detail, answer: &str) -> Detail {
    let id = DeclarationId(detail.id);
    let reading = detail.reading.as_ref().unwrap();
    let open = reading.questions.iter().find(|question| question.answer.is_none()).unwrap();
    lab.engine.answer(&lab.admin, id, &[(open.id.clone(), answer.to_owned())]).await.unwrap();
    lab.settled(id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_one_firewall_rule_edits_one_rule() {
    let lab = Lab::running().await;
    let base = guarded(&lab).await;
    let before = rules(&lab, &base).await;
    let detail = lab.declare("allow https to wall-1 from 10.0.0.0/8").await;
    assert_eq!(actions(&detail), ["add_rule"], "{detail:#?}");
    let counters = ["POST", "PUT", "DELETE"].map(|method| count(&lab, method));
    assert_eq!(lab.confirm(&detail).await.status, "converged");
    assert_eq!(counters.map(|counter| counter(&lab)), [1, 0, 0], "one call");
    let after = rules(&lab, &base).await;
    assert_eq!(after[1..], before, "all others are byte for byte as they were, and in their order");
    assert_eq!(after[0]["macro"], "HTTPS");
    assert_eq!(after[0]["source"], "10.0.0.0/8");
    assert_eq!(after[0]["enable"], 1, "Proxmox makes a rule that is off unless told otherwise");
    let comment = after[0]["comment"].as_str().unwrap();
    assert!(comment.starts_with("mycopod:"), "{comment}");

    let again = lab.declare("allow https to wall-1 from 10.0.0.0/8").await;
    assert_eq!(again.status, "converged", "what is so already takes no second rule: {again:#?}");
    let gone = lab.declare("remove the rule for port 443 of wall-1").await;
    assert_eq!(actions(&gone), ["remove_rule"], "{gone:#?}");
    assert_eq!(lab.confirm(&gone).await.status, "converged");
    assert_eq!(rules(&lab, &base).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_whose_answer_got_lost_is_not_made_twice() {
    let lab = Lab::running().await;
    let base = guarded(&lab).await;
    for (effect, port) in [(Effect::DropReply, 443), (Effect::DropRequest, 444)] {
        let before = rules(&lab, &base).await;
        let detail = lab.declare(&format!("open port {port} on wall-1")).await;
        lab.sandbox.inject(Fault::request("POST", "/nodes/*/qemu/*/firewall/rules", effect)).unwrap();
        assert_eq!(lab.confirm(&detail).await.status, "converged");
        let after = rules(&lab, &base).await;
        assert_eq!(after[1..], before, "one more, and no second one");
        assert_eq!(after[0]["dport"], port.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_a_late_call_put_in_twice_is_taken_out_by_the_next_plan() {
    let lab = Lab::running().await;
    let base = guarded(&lab).await;
    lab.make("allow https to wall-1 from 10.0.0.0/8").await;
    let once = rules(&lab, &base).await;
    let comment = once[0]["comment"].as_str().unwrap();
    let form = [("type", "in"), ("action", "ACCEPT"), ("macro", "HTTPS"), ("source", "10.0.0.0/8"), ("enable", "1")];
    lab.by_hand(Method::POST, &format!("{base}/rules"), &[&form[..], &[("comment", comment)]].concat()).await;
    assert_eq!(rules(&lab, &base).await.len(), once.len() + 1);
    let again = lab.declare("allow https to wall-1 from 10.0.0.0/8").await;
    assert_eq!(actions(&again), ["remove_double"], "{again:#?}");
    assert_eq!(lab.confirm(&again).await.status, "converged");
    assert_eq!(rules(&lab, &base).await, once);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_not_ours_are_not_touched_even_when_asked() {
    let lab = Lab::running().await;
    let base = guarded(&lab).await;
    let before = rules(&lab, &base).await;
    let detail = lab.declare("remove the rule for port 80 of wall-1").await;
    assert_eq!(detail.status, "needs_answer", "{detail:#?}");
    let text = &detail.reading.unwrap().questions[0].text;
    assert!(text.contains("MycoPod did not make it"), "{text}");
    assert_eq!(rules(&lab, &base).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_locked_out_unasked() {
    let lab = Lab::running().await;
    lab.make("Create a VM called wall-2 with 1 core, 1 GB RAM and a 5 GB disk").await;
    let detail = lab.declare("enable the firewall of wall-2").await;
    assert_eq!(detail.status, "needs_answer", "Proxmox drops what no rule lets in: {detail:#?}");
    let question = &detail.reading.as_ref().unwrap().questions[0];
    assert!(question.text.contains("port 22 of wall-2"), "{}", question.text);
    assert!(question.options.contains(&"Allow SSH from anywhere".to_owned()), "{:?}", question.options);

    let open = answer(&lab, &detail, "10.0.0.0/8").await;
    assert_eq!(actions(&open), ["add_rule", "set_firewall"], "the door is opened before the wall stands: {open:#?}");
    assert_eq!(lab.confirm(&open).await.status, "converged");
    let guest = lab.named("wall-2").await.remove(0).guest;
    let base = format!("/nodes/{}/qemu/{}/firewall", guest.node, guest.vmid);
    let all = rules(&lab, &base).await;
    assert_eq!((all.len(), &all[0]["macro"], &all[0]["source"]), (1, &"SSH".into(), &"10.0.0.0/8".into()));

    // What keeps the door open is not taken away unasked either.
    let removal = lab.declare("remove the ssh rule of wall-2").await;
    assert_eq!(removal.status, "needs_answer", "{removal:#?}");
    let agreed = answer(&lab, &removal, "wall-2").await;
    assert_eq!(actions(&agreed), ["remove_rule"], "its name was said, knowingly: {agreed:#?}");
    assert!(agreed.plan.as_ref().unwrap().notes.iter().any(|note| note.contains("as was agreed")));
    assert_eq!(lab.confirm(&agreed).await.status, "converged");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_blocked_but_what_is_excepted_and_the_first_rule_said_comes_first() {
    let lab = Lab::running().await;
    lab.make("Create a VM called wall-3 with 1 core, 1 GB RAM and a 5 GB disk").await;
    lab.make("block incoming traffic on wall-3 except ssh and https").await;
    let guest = lab.named("wall-3").await.remove(0).guest;
    let base = format!("/nodes/{}/qemu/{}/firewall", guest.node, guest.vmid);
    let options = lab.by_hand(Method::GET, &format!("{base}/options"), &[]).await;
    assert_eq!(options["enable"], 1);
    assert_eq!(options["policy_in"], Value::Null, "what Proxmox does by itself is not written");
    let macros: Vec<Value> = rules(&lab, &base).await.iter().map(|rule| rule["macro"].clone()).collect();
    assert_eq!(macros, ["SSH", "HTTPS"]);
    lab.make("create ip set admins on wall-3 with 10.1.0.0/16 and 10.2.0.0/16").await;
    lab.make("allow rdp to wall-3 from ip set admins").await;
    lab.make("remove 10.2.0.0/16 from ip set admins of wall-3").await;
    let set = lab.by_hand(Method::GET, &format!("{base}/ipset/admins"), &[]).await;
    assert_eq!(set.as_array().unwrap().iter().map(|entry| &entry["cidr"]).collect::<Vec<_>>(), ["10.1.0.0/16"]);
    assert_eq!(rules(&lab, &base).await[0]["source"], "+admins");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_ours_that_somebody_changed_is_drift() {
    let lab = Lab::running().await;
    let base = guarded(&lab).await;
    let detail = lab.make("allow https to wall-1 from 10.0.0.0/8").await;
    lab.by_hand(Method::PUT, &format!("{base}/rules/0"), &[("source", "0.0.0.0/0")]).await;
    let drifted = async {
        loop {
            let rows = lab.engine.guests().await.unwrap();
            let row = rows.into_iter().find(|row| row.name == "wall-1").unwrap();
            if let [drift] = row.drift.as_slice() {
                return drift.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let drift = tokio::time::timeout(Duration::from_mins(1), drifted).await.unwrap();
    assert!(drift.field.starts_with("firewall.rule."), "{drift:?}");
    assert_eq!(drift.declared, "IN HTTPS(ACCEPT) -source 10.0.0.0/8");

    let id = DeclarationId(detail.id);
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let repair = lab.settled(id).await;
    assert_eq!(actions(&repair), ["change_rule"], "{repair:#?}");
    assert_eq!(lab.confirm(&repair).await.status, "converged");
    assert_eq!(rules(&lab, &base).await[0]["source"], "10.0.0.0/8");
}
