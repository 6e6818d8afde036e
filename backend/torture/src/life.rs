//! Whole lives: people who declare and approve, others who do things by hand, three replicas, and whatever can fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use futures::FutureExt;
use mycopod_core::guest::Vmid;
use mycopod_core::id::{DeclarationId, ResourceId};
use mycopod_core::observed::Ownership;
use mycopod_sandbox::{ByHand, Effect, Fault, Leaves, Snapshot, TaskEffect};

use crate::fate::Side;
use crate::lab::{Lab, OFFLINE, Order};
use crate::person;
use crate::points::{PRISTINE, log_verifies};
use crate::time::Chance;
use crate::watch::ownership;
use crate::world;

/// Replicas that share the work.
const REPLICAS: usize = 3;
/// Things that happen in a life, at least and at most.
const EVENTS: (usize, usize) = (8, 16);
/// Exchanges between two of them, at most.
const BETWEEN: usize = 120;
/// How often a person asks for another plan of one declaration before they give up.
const AGAIN: u32 = 4;
/// The number of a guest that is cloned by hand.
const CLONES: u32 = 7_000;

/// One life.
struct Life<'a> {
    lab: &'a mut Lab,
    chance: Chance,
    /// What was acknowledged.
    declared: Vec<DeclarationId>,
    /// The guests that somebody's hand has been at.
    handled: BTreeSet<u32>,
    clones: u32,
    /// What happened, to be told when something is wrong.
    story: String,
}

/// Lives the life that follows from a seed, and says what was wrong; the story comes first.
pub async fn live(lab: &mut Lab, pristine: &Snapshot, seed: u64) -> Vec<String> {
    lab.set_back(PRISTINE, pristine, seed).await;
    let mut chance = Chance::new(seed);
    lab.order = Order::Any(Chance::new(chance.draw()));
    for _ in 0..REPLICAS {
        lab.start();
    }
    let mut life =
        Life { lab, chance, declared: Vec::new(), handled: BTreeSet::new(), clones: CLONES, story: String::new() };
    let mut wrong = life.run().await;
    wrong.extend(life.after_all(pristine).await);
    let story = std::mem::take(&mut life.story);
    life.lab.sandbox.clear_all().expect("faults can be cleared");
    if !wrong.is_empty() {
        wrong.insert(0, story);
    }
    wrong
}

impl Life<'_> {
    fn tell(&mut self, what: &str) {
        let _ = writeln!(self.story, "    {:5} {what}", self.lab.count());
    }

    async fn turns(&mut self, n: usize) {
        for _ in 0..n {
            self.lab.turn().await;
        }
    }

    async fn run(&mut self) -> Vec<String> {
        let events = EVENTS.0 + self.chance.below(EVENTS.1 - EVENTS.0);
        let mut wrong = Vec::new();
        for n in 0..events {
            let between = self.chance.below(BETWEEN);
            self.turns(between).await;
            let end = match (n, self.chance.below(100)) {
                (0..2, _) | (_, 0..36) => self.declare().await,
                (_, 36..56) => self.decide().await,
                (_, 56..72) => {
                    self.by_hand().await;
                    Ok(())
                }
                (_, 72..86) => {
                    self.fate();
                    Ok(())
                }
                (_, 86..92) => self.outage(),
                _ => self.crash().await,
            };
            wrong.extend(end.err());
        }
        wrong
    }

    async fn declare(&mut self) -> Result<(), String> {
        let text = text(&mut self.chance);
        self.tell(&format!("“{text}”"));
        let (front, actor) = (self.a_replica(), self.lab.admin.clone());
        let declared = self.lab.ask(front, |engine| async move { engine.declare(&actor, &text).await }.boxed()).await;
        if let Some(Ok(id)) = declared {
            self.declared.push(id);
        }
        Ok(())
    }

    /// Approves, calls off or asks again, whatever one declaration's state allows.
    async fn decide(&mut self) -> Result<(), String> {
        if self.declared.is_empty() {
            return Ok(());
        }
        let id = *self.chance.of(&self.declared);
        match self.chance.below(10) {
            0 => {
                self.tell(&format!("{id} is called off"));
                let (front, actor) = (self.a_replica(), self.lab.admin.clone());
                let _ = self.lab.ask(front, move |engine| async move { engine.cancel(&actor, id).await }.boxed()).await;
                Ok(())
            }
            1 | 2 => {
                self.tell(&format!("{id} is planned again"));
                person::plan_again(self.lab, id).await.map(|_| ())
            }
            3 => {
                self.tell(&format!("{id} is approved by those who may not"));
                let front = self.a_replica();
                person::approve_wrongly(self.lab, front, id).await
            }
            _ => {
                self.tell(&format!("{id} is approved"));
                person::approve(self.lab, id).await
            }
        }
    }

    /// Any replica that answers.
    fn a_replica(&mut self) -> usize {
        let running: Vec<usize> =
            self.lab.running().into_iter().filter(|replica| !self.lab.is_frozen(*replica)).collect();
        if running.is_empty() { self.lab.front() } else { *self.chance.of(&running) }
    }

    /// Somebody does something past us.
    async fn by_hand(&mut self) {
        // A call that follows the look just answered is on its way then, and nobody comes between the two.
        self.lab.settled().await;
        let world = self.lab.sandbox.world().to_json();
        let guests: Vec<u32> =
            world["guests"].as_object().into_iter().flatten().filter_map(|(vmid, _)| vmid.parse().ok()).collect();
        if guests.is_empty() {
            return;
        }
        let vmid = *self.chance.of(&guests);
        let deed = match self.chance.below(9) {
            0..3 => ByHand::Edit {
                vmid,
                set: BTreeMap::from([("cores".to_owned(), (1 + self.chance.below(6)).to_string())]),
                delete: Vec::new(),
            },
            3 => ByHand::Power { vmid, running: self.chance.percent(50) },
            4 => ByHand::Rename { vmid, name: "renamed-1".to_owned() },
            5 => ByHand::Move { vmid, node: (*self.chance.of(&["pve1", "pve2"])).to_owned() },
            6 => {
                self.clones += 1;
                ByHand::Clone { vmid, newid: self.clones, name: None }
            }
            7 => ByHand::Destroy { vmid },
            _ => ByHand::Recycle { vmid, name: None },
        };
        if self.lab.by_hand(&deed) {
            self.handled.insert(vmid);
            if let ByHand::Clone { newid, .. } = deed {
                self.handled.insert(newid);
            }
            self.tell(&format!("by hand: {deed:?}"));
        }
    }

    /// Something happens to one of the next exchanges.
    fn fate(&mut self) {
        let sides = [Side::Write, Side::Commit, Side::Read, Side::Statement];
        let fates = self.chance.of(&sides).fates(1 + self.chance.below(60) as u64);
        let fate = *self.chance.of(&fates);
        let at = self.lab.count() + 1 + self.chance.below(60) as u64;
        self.tell(&format!("exchange {at}: {fate}"));
        self.lab.fates.insert(at, fate);
    }

    /// Proxmox fails in some way of its own.
    fn outage(&mut self) -> Result<(), String> {
        let kinds = ["qmcreate", "qmstart", "qmclone", "qmstop", "qmdestroy", "qmmigrate", "vzcreate"];
        let kind = *self.chance.of(&kinds);
        let fault = match self.chance.below(5) {
            4 => {
                let node = (*self.chance.of(&["pve1", "pve2"])).to_owned();
                self.tell(&format!("{node} is offline for a while"));
                let end = self.lab.sandbox.inject_for(Fault::NodeOffline { node }, OFFLINE);
                return end.map(|_| ()).map_err(|error| error.to_string());
            }
            0 => Fault::request(
                "POST",
                "/nodes/*/qemu",
                Effect::Answer { status: 599, reason: "too slow".to_owned(), executed: self.chance.percent(50) },
            ),
            1 => Fault::request(
                "PUT",
                "/nodes/*/qemu/*/config",
                Effect::Answer { status: 596, reason: "broken".to_owned(), executed: self.chance.percent(50) },
            ),
            2 => {
                Fault::task(kind, TaskEffect::Fail { status: "it broke".to_owned(), leaves: *self.chance.of(&LEAVES) })
            }
            _ => Fault::task(kind, TaskEffect::Warn { count: 1 }),
        };
        self.tell(&format!("{fault:?}"));
        self.lab.sandbox.inject(fault).map(|_| ()).map_err(|error| error.to_string())
    }

    async fn crash(&mut self) -> Result<(), String> {
        let running = self.lab.running();
        if !running.is_empty() {
            let replica = *self.chance.of(&running);
            self.tell(&format!("replica {replica} is killed"));
            self.lab.kill(replica).await;
        }
        let replica = self.lab.start();
        self.tell(&format!("replica {replica} is started"));
        Ok(())
    }

    /// Everything works again, and people see to what is left.
    async fn after_all(&mut self, before: &Snapshot) -> Vec<String> {
        self.tell("everything works again");
        self.lab.fates.clear();
        self.lab.all_go_on();
        let mut wrong = Vec::new();
        let mut converged = Vec::new();
        for id in self.declared.clone() {
            match self.see_to(id).await {
                Ok(status) if status == "converged" => converged.push(id),
                Ok(_) => {}
                Err(why) => wrong.push(why),
            }
        }
        self.tell("all is seen to");
        wrong.extend(self.second_pass(&converged).await);
        wrong.append(&mut self.lab.violations);
        wrong.extend(self.guests(before));
        wrong.extend(self.acknowledged());
        self.lab.end().await;
        wrong.extend(self.lab.database.violations());
        wrong.extend(log_verifies(self.lab).await);
        wrong
    }

    /// Brings one declaration to an end, as far as a person can by agreeing to everything.
    async fn see_to(&mut self, id: DeclarationId) -> Result<String, String> {
        let mut again = 0;
        for _ in 0..40 {
            let (status, _) = person::settle(self.lab, id).await?;
            match status.as_str() {
                "awaiting_approval" => person::approve(self.lab, id).await?,
                "blocked" | "failed" | "stale" if again < AGAIN => {
                    again += 1;
                    person::plan_again(self.lab, id).await?;
                }
                _ => return Ok(status),
            }
        }
        Err(format!("declaration {id} comes to no end"))
    }

    /// I7: what has converged and is planned again, twice, writes nothing the second time.
    async fn second_pass(&mut self, converged: &[DeclarationId]) -> Vec<String> {
        let mut wrong = Vec::new();
        for pass in 0..2 {
            let writes = self.lab.writes.len();
            for id in converged {
                let status = self.lab.database.one(&format!("SELECT status FROM declarations WHERE id = '{id}'"));
                if status.as_deref() != Some("converged") {
                    continue;
                }
                if let Err(why) = person::plan_again(self.lab, *id).await {
                    wrong.push(why);
                }
                match person::settle(self.lab, *id).await {
                    Ok((status, _)) if status == "awaiting_approval" && pass == 0 => {
                        wrong.extend(self.see_to(*id).await.err());
                    }
                    Ok((status, reason)) if status == "awaiting_approval" => {
                        let plan = self.lab.database.one(&format!(
                            "SELECT string_agg(step ->> 'summary', '; ') FROM declarations d JOIN plans p ON p.id = d.plan_id
                             CROSS JOIN jsonb_array_elements(plan -> 'steps') step WHERE d.id = '{id}'"
                        ));
                        wrong.push(format!(
                            "I7: {id} was as declared and is not ({reason}): {}",
                            plan.unwrap_or_default()
                        ));
                    }
                    Ok(_) => {}
                    Err(why) => wrong.push(why),
                }
            }
            if pass == 1 && self.lab.writes.len() != writes {
                wrong.push(format!("I7: a second pass wrote {} times", self.lab.writes.len() - writes));
            }
        }
        wrong
    }

    /// I1 and I4: one guest for one resource, no guest from nowhere, and nobody else's touched.
    fn guests(&mut self, before: &Snapshot) -> Vec<String> {
        let mut wrong = Vec::new();
        let (before, after) = (before.to_json(), self.lab.sandbox.world().to_json());
        let rows = self.lab.database.rows("SELECT id, vmid, state FROM resources");
        let known: BTreeMap<String, (String, String)> = rows
            .into_iter()
            .filter_map(|row| match <[Option<String>; 3]>::try_from(row) {
                Ok([Some(id), Some(vmid), Some(state)]) => Some((id, (vmid, state))),
                _ => None,
            })
            .collect();
        let mut ours: BTreeMap<ResourceId, Vec<String>> = BTreeMap::new();
        for (vmid, guest) in after["guests"].as_object().into_iter().flatten() {
            let number: u32 = vmid.parse().unwrap_or_default();
            let is_new = before["guests"].get(vmid).is_none() && !self.handled.contains(&number);
            match Vmid::try_from(number).map(|vmid| ownership(guest, vmid)) {
                Ok(Ownership::Ours(resource)) => {
                    ours.entry(resource).or_default().push(vmid.clone());
                    if !known.contains_key(&resource.to_string()) {
                        wrong.push(format!("I1: guest {vmid} bears the marker of {resource}, which nobody knows"));
                    }
                }
                // What a task that failed half-way has left stands under a number that is reserved.
                _ if is_new && !known.values().any(|(taken, state)| taken == vmid && state != "gone") => {
                    wrong.push(format!("I1: guest {vmid} came from nowhere"));
                }
                _ => {}
            }
        }
        for (resource, vmids) in &ours {
            if vmids.len() > 1 {
                wrong.push(format!("I1: {resource} is {} guests: {vmids:?}", vmids.len()));
            }
        }
        for (resource, (vmid, _)) in known.iter().filter(|(_, (_, state))| state == "present") {
            let is_there = resource.parse().is_ok_and(|resource: ResourceId| ours.contains_key(&resource));
            let is_handled = vmid.parse().is_ok_and(|vmid: u32| self.handled.contains(&vmid));
            if !is_there && !is_handled {
                wrong.push(format!("I10: {resource} ({vmid}) is present in the database, and there is no such guest"));
            }
        }
        let touched: BTreeSet<String> =
            self.lab.writes.iter().filter_map(|step| Some(step.guest()?.vmid.to_string())).collect();
        let handled: BTreeSet<String> = self.handled.iter().map(u32::to_string).collect();
        for (vmid, guest) in before["guests"].as_object().into_iter().flatten() {
            if !touched.contains(vmid) && !handled.contains(vmid) && *guest != after["guests"][vmid] {
                wrong.extend(
                    world::differences(guest, &after["guests"][vmid])
                        .into_iter()
                        .map(|at| format!("I4: guest {vmid}{at}")),
                );
            }
        }
        wrong
    }

    /// I10: what was acknowledged is there.
    fn acknowledged(&mut self) -> Vec<String> {
        let rows = self.lab.database.rows("SELECT id FROM declarations");
        let there: BTreeSet<String> = rows.into_iter().flatten().flatten().collect();
        let lost = self.declared.iter().filter(|id| !there.contains(&id.to_string()));
        lost.map(|id| format!("I10: declaration {id} is lost")).collect()
    }
}

/// How far a task that fails may have come.
const LEAVES: [Leaves; 3] = [Leaves::Nothing, Leaves::Halfway, Leaves::Done];

/// A sentence about few guests, so that declarations meet.
fn text(chance: &mut Chance) -> String {
    let vm = *chance.of(&["one-1", "two-1", "three-1"]);
    let n = 1 + chance.below(6);
    match chance.below(20) {
        0..4 => format!("create a vm called {vm} with {n} cores, 1 GB memory and a 2 GB disk on local-lvm"),
        4 => format!("create a vm called {vm} with 1 core, 1 GB memory and a 2 GB disk on local-lvm and start it"),
        5 => format!("debian 12 vm {vm}: {n} cores, 1024 MB, 4G disk on local-lvm, vmbr1 vlan 20"),
        6 => "an unprivileged Debian container named four-1 with 1 core, 512 MB memory, 4 GB disk".to_owned(),
        7 => "create two vms pair-1 to pair-2 with 1 core, 1 GB memory and a 2 GB disk".to_owned(),
        8 | 9 => format!("set the cores of {vm} to {n}"),
        10 => format!("add a {n} GB disk on local-lvm to {vm}"),
        11 => format!("extend the disk of {vm} by {n} GB"),
        12 => format!("start {vm}"),
        13 => format!("force stop {vm}"),
        14 => format!("snapshot {vm} as snap{n}"),
        15 => format!("delete {vm}"),
        16 => format!("migrate {vm} to {}", chance.of(&["pve1", "pve2"])),
        17 => (*chance.of(&["adopt test-1", "add tag shop to web-01"])).to_owned(),
        18 => format!("allow https to {vm} from 10.0.0.0/8"),
        _ => format!("reboot {vm}"),
    }
}
