//! Every point at which a process can die, and what comes of it when it does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use mycopod_core::guest::Vmid;
use mycopod_sandbox::Snapshot;
use serde_json::Value;

use crate::deeds::Deed;
use crate::fate::{Fate, Passed, Side};
use crate::lab::Lab;
use crate::person::{self, Ended};
use crate::time::{Chance, standing};
use crate::world;

/// How long zombies are watched after the end: they have noticed by then that their lease is lost.
const AFTERWARDS: Duration = Duration::from_secs(13);
/// The deed's state is kept under this name.
const PREPARED: &str = "prepared";
/// The lab's state before any deed.
pub(crate) const PRISTINE: &str = "pristine";

/// A deed that is ready to be done in all ways.
pub struct Prepared {
    deed: &'static Deed,
    world: Snapshot,
    seed: u64,
    /// The exchanges of a run in which nothing goes wrong.
    pub points: Vec<Passed>,
    /// What it makes of the world.
    essence: Value,
    tasks: BTreeMap<String, usize>,
    /// Whether a look cannot tell what it did.
    is_blind: bool,
}

/// One way to do a deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The deed's name.
    pub deed: &'static str,
    /// What happens to which exchange, counted from 1.
    pub fates: Vec<(u64, Fate)>,
    /// The seed of all chance.
    pub seed: u64,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (seed {})", self.deed, self.seed)?;
        for (at, fate) in &self.fates {
            write!(f, "; exchange {at}: {fate}")?;
        }
        Ok(())
    }
}

/// Keeps the lab as it is, to prepare deeds from.
pub fn pristine(lab: &mut Lab) -> Snapshot {
    lab.keep(PRISTINE)
}

/// Brings a deed to where it begins, and does it once with nothing going wrong.
pub async fn prepare(lab: &mut Lab, pristine: &Snapshot, deed: &'static Deed, seed: u64) -> Result<Prepared, String> {
    lab.set_back(PRISTINE, pristine, seed).await;
    for text in deed.before {
        let ended = person::see_through(lab, text, 0).await?;
        if ended.status != "converged" {
            return Err(format!("{}: “{text}” ended {}: {}", deed.name, ended.status, ended.reason));
        }
    }
    lab.end().await;
    let world = lab.keep(PREPARED);
    let mut prepared = Prepared {
        deed,
        world,
        seed,
        points: Vec::new(),
        essence: Value::Null,
        tasks: BTreeMap::new(),
        is_blind: false,
    };
    lab.set_back(PREPARED, &prepared.world, seed).await;
    let ended = person::see_through(lab, deed.text, 0).await?;
    if ended.status != "converged" {
        return Err(format!("{}: it ended {}: {}", deed.name, ended.status, ended.reason));
    }
    let actions: Vec<&str> = lab.writes.iter().map(|step| step.action.name()).collect();
    if actions != deed.actions {
        return Err(format!("{}: its plan does {actions:?}, not {:?}", deed.name, deed.actions));
    }
    prepared.is_blind = lab.writes.iter().any(|step| step.action.is_blind());
    prepared.points.clone_from(&lab.trace);
    let after = lab.sandbox.world().to_json();
    prepared.essence = world::essence(&after);
    prepared.tasks = world::tasks(&after);
    let wrong = after_all(lab, &ended, &prepared.world).await;
    if wrong.is_empty() { Ok(prepared) } else { Err(format!("{}: {}", deed.name, wrong.join("; "))) }
}

impl Prepared {
    /// Every single case. How late things are follows from the seed.
    #[must_use]
    pub fn cases(&self) -> Vec<Case> {
        let mut chance = Chance::new(self.seed);
        let mut cases = Vec::new();
        for (at, passed) in self.points.iter().enumerate() {
            let far = 1 + chance.below(40) as u64;
            for fate in passed.side.fates(far) {
                cases.push(Case { deed: self.deed.name, fates: vec![(at as u64 + 1, fate)], seed: self.seed });
            }
        }
        cases
    }

    /// Two things that go wrong in one run.
    #[must_use]
    pub fn pair(&self, chance: &mut Chance) -> Case {
        let cases = self.cases();
        let mut first = chance.of(&cases).clone();
        let at = first.fates[0].0 + 1 + chance.below(60) as u64;
        let sides = [Side::Write, Side::Commit, Side::Read, Side::Statement];
        let fates = chance.of(&sides).fates(1 + chance.below(40) as u64);
        first.fates.push((at, *chance.of(&fates)));
        first
    }

    /// How many points there are: before and after what changes something, and before everything else.
    #[must_use]
    pub fn count(&self) -> usize {
        let of = |passed: &Passed| if matches!(passed.side, Side::Write | Side::Commit) { 2 } else { 1 };
        self.points.iter().map(of).sum()
    }

    /// Runs a case, and says what was wrong.
    pub async fn run(&self, lab: &mut Lab, case: &Case) -> Vec<String> {
        lab.set_back(PREPARED, &self.world, case.seed).await;
        lab.fates = case.fates.iter().copied().collect();
        let hard = self.is_hard(case);
        let ended = match person::see_through(lab, self.deed.text, if hard { 3 } else { 0 }).await {
            Ok(ended) => ended,
            Err(why) => return vec![why],
        };
        let mut wrong = self.diverged(lab, case);
        if case.fates.iter().any(|(_, fate)| fate.is_haunted()) {
            lab.all_go_on();
            person::pass(lab, AFTERWARDS).await;
        }
        let world = lab.sandbox.world().to_json();
        match ended.status.as_str() {
            "converged" => {
                let late = |(_, fate): &(u64, Fate)| fate.is_haunted() || *fate == Fate::Twice;
                let plain = if case.fates.iter().any(late) { world::without_doubles } else { |essence| essence };
                wrong.extend(world::differences(&plain(self.essence.clone()), &plain(world::essence(&world))));
            }
            // What cannot be read is asked about.
            "needs_answer" if case.fates.iter().any(|(_, fate)| matches!(fate, Fate::Lose { .. })) => {}
            status => wrong.push(format!("it ended {status}: {}", ended.reason)),
        }
        if ended.again == 0 {
            // What a look cannot see is done once, unless a person asked for it again.
            for (kind, times) in world::tasks(&world).iter().filter(|(kind, _)| BLIND.contains(&kind.as_str())) {
                let once = self.tasks.get(kind).copied().unwrap_or_default();
                let twice = case.fates.iter().any(|(_, fate)| *fate == Fate::Twice);
                if *times > once && !twice {
                    wrong.push(format!("{kind} was done {times} times, not {once}"));
                }
            }
        }
        wrong.extend(after_all(lab, &ended, &self.world).await);
        wrong
    }

    /// Whether a person may have to decide: where it cannot be told whether something was done.
    fn is_hard(&self, case: &Case) -> bool {
        self.is_blind
            || case.fates.len() > 1
            || case.fates.iter().any(|(_, fate)| matches!(fate, Fate::KillLate { .. } | Fate::Twice))
    }

    /// Up to the first thing that goes wrong all runs must be one.
    fn diverged(&self, lab: &Lab, case: &Case) -> Vec<String> {
        let until = case.fates.iter().map(|(at, _)| *at).min().unwrap_or(0);
        let until = usize::try_from(until).unwrap_or(usize::MAX);
        let pairs = self.points.iter().zip(&lab.trace).take(until.saturating_sub(1)).enumerate();
        let other = pairs.into_iter().find(|(_, (a, b))| a.label != b.label);
        other
            .map(|(n, (a, b))| format!("the run diverged at exchange {}: {} instead of {}", n + 1, b.label, a.label))
            .into_iter()
            .collect()
    }
}

/// Tasks that a look cannot tell from none.
const BLIND: [&str; 7] = ["qmreboot", "vzreboot", "qmrollback", "vzrollback", "vzdump", "qmrestore", "vzrestore"];

/// What must hold after anything: the log verifies, guests that no step was about are byte for byte what they were, and
/// a second pass over what is as declared writes nothing.
async fn after_all(lab: &mut Lab, ended: &Ended, before: &Snapshot) -> Vec<String> {
    lab.all_go_on();
    let mut wrong: Vec<String> = std::mem::take(&mut lab.violations);
    wrong.extend(untouched(lab, before));
    if ended.status == "converged" {
        let writes = lab.writes.len();
        let mut end = Err("it was never asked".to_owned());
        for _ in 0..5 {
            if let Err(why) = person::plan_again(lab, ended.id).await {
                wrong.push(why);
            }
            end = person::settle(lab, ended.id).await;
            if matches!(&end, Ok((status, _)) if status == "converged") {
                break;
            }
        }
        match end {
            Ok((status, _)) if status == "converged" && lab.writes.len() == writes => {}
            end => wrong.push(format!("I7: a second pass ended {end:?} after {} writes", lab.writes.len() - writes)),
        }
    }
    lab.end().await;
    wrong.extend(lab.database.violations());
    wrong.extend(log_verifies(lab).await);
    wrong
}

/// Guests that no step was about.
fn untouched(lab: &Lab, before: &Snapshot) -> Vec<String> {
    let touched: BTreeSet<Vmid> = lab.writes.iter().filter_map(|step| Some(step.guest()?.vmid)).collect();
    let (before, after) = (before.to_json(), lab.sandbox.world().to_json());
    let mut wrong = Vec::new();
    for (vmid, guest) in before["guests"].as_object().into_iter().flatten() {
        let is_touched = touched.iter().any(|touched| touched.to_string() == *vmid);
        if !is_touched && *guest != after["guests"][vmid] {
            wrong.push(format!("I4: guest {vmid} was touched: {} is {}", guest, after["guests"][vmid]));
        }
    }
    wrong
}

/// Computes the audit log anew.
pub(crate) async fn log_verifies(lab: &mut Lab) -> Option<String> {
    let engine = lab.bystander();
    let verified = standing(engine.verify_audit()).await;
    match verified {
        Ok(verified) if verified.ok => None,
        end => Some(format!("the audit log does not verify: {end:?}")),
    }
}
