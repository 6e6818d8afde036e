//! Every point at which a process can die, and what comes of it when it does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use mycopod_core::guest::Vmid;
use mycopod_core::plan::Step;
use mycopod_sandbox::Snapshot;
use serde_json::Value;

use crate::deeds::{self, Deed};
use crate::fate::{Fate, Passed, Side};
use crate::lab::{EDITED, Lab, Victim};
use crate::person::{self, Ended, Want};
use crate::time::{Chance, standing};
use crate::world;

/// How long zombies are watched after the end: they have noticed by then that their lease is lost.
const AFTERWARDS: Duration = Duration::from_secs(13);
/// Longer than what somebody does by hand takes.
const BY_HAND: Duration = Duration::from_mins(2);
/// The ledger says that a step begins.
const BEGUN: &str = "UPDATE steps SET state = 'started'";
/// The latest that something late comes, in exchanges: a successor has taken over and begun by then.
const FARTHEST: u64 = 40;
/// The deed's state is kept under this name.
const PREPARED: &str = "prepared";
/// The lab's state before any deed.
pub(crate) const PRISTINE: &str = "pristine";

/// A deed that is ready to be done in all ways.
pub struct Prepared {
    deed: &'static Deed,
    want: Want,
    world: Snapshot,
    seed: u64,
    /// The exchanges of a run in which nothing goes wrong.
    pub points: Vec<Passed>,
    /// What it makes of the world.
    essence: Value,
    tasks: BTreeMap<String, usize>,
    /// Whether a look cannot tell what it did.
    is_blind: bool,
    victim: Victim,
    /// Where the first step begins.
    begun: usize,
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
    let mut last = None;
    for text in deed.before {
        let ended = person::see_through(lab, &Want::Text((*text).to_owned()), 0).await?;
        if ended.status != "converged" {
            return Err(format!("{}: “{text}” ended {}: {}", deed.name, ended.status, ended.reason));
        }
        last = Some(ended.id);
    }
    for call in deed.by_hand {
        lab.calls(*call).await.map_err(|why| format!("{}: by hand: {why}", deed.name))?;
        person::pass(lab, BY_HAND).await;
    }
    lab.end().await;
    let world = lab.keep(PREPARED);
    let want = match last.filter(|_| deed.text == deeds::AGAIN) {
        Some(last) => Want::Again(last),
        None => Want::Text(filled_in(lab, deed.text).await),
    };
    let mut prepared = Prepared {
        deed,
        want,
        world,
        seed,
        points: Vec::new(),
        essence: Value::Null,
        tasks: BTreeMap::new(),
        is_blind: false,
        victim: Victim::default(),
        begun: 0,
    };
    prepared.is_approved_by_nobody_else(lab).await?;
    lab.set_back(PREPARED, &prepared.world, seed).await;
    let ended = person::see_through(lab, &prepared.want, 0).await?;
    if ended.status != "converged" {
        return Err(format!("{}: it ended {}: {}", deed.name, ended.status, ended.reason));
    }
    let actions: Vec<&str> = lab.writes.iter().map(|step| step.action.name()).collect();
    if actions != deed.actions {
        return Err(format!("{}: its plan does {actions:?}, not {:?}", deed.name, deed.actions));
    }
    prepared.is_blind = lab.writes.iter().any(|step| step.action.is_blind());
    prepared.points.clone_from(&lab.trace);
    prepared.begun = lab.trace.iter().position(|point| point.label.contains(BEGUN)).unwrap_or(0);
    let before = prepared.world.to_json();
    let there = lab.writes.iter().filter_map(Step::guest).find(|guest| world::guest(&before, guest.vmid).is_some());
    prepared.victim.vmid = there.map(|guest| guest.vmid.get());
    prepared.victim.node = lab.writes.iter().find_map(|step| step.node().map(str::to_owned));
    let after = lab.sandbox.world().to_json();
    prepared.essence = world::essence(&after);
    prepared.tasks = world::tasks(&after);
    if prepared.is_blind && !BLIND.iter().any(|kind| prepared.tasks.contains_key(*kind)) {
        return Err(format!("{}: none of its tasks is counted: {:?}", deed.name, prepared.tasks));
    }
    let wrong = after_all(lab, &ended, &prepared.world).await;
    if wrong.is_empty() { Ok(prepared) } else { Err(format!("{}: {}", deed.name, wrong.join("; "))) }
}

/// A deed's text with the id of the backup job that there is in the place of `{job}`.
async fn filled_in(lab: &mut Lab, text: &str) -> String {
    if !text.contains("{job}") {
        return text.to_owned();
    }
    let jobs = standing(lab.hand.does(reqwest::Method::GET, "/cluster/backup", &[])).await.unwrap_or_default();
    text.replace("{job}", jobs[0]["id"].as_str().unwrap_or_default())
}

impl Prepared {
    /// Every single case. How late things are follows from the seed.
    #[must_use]
    pub fn cases(&self) -> Vec<Case> {
        let mut chance = Chance::new(self.seed);
        let mut cases = Vec::new();
        for (at, passed) in self.points.iter().enumerate() {
            let far = chance.far(FARTHEST);
            for fate in passed.side.fates(far).into_iter().filter(|fate| self.is_possible(at, *fate)) {
                cases.push(Case { deed: self.deed.name, fates: vec![(at as u64 + 1, fate)], seed: self.seed });
            }
        }
        cases
    }

    /// The exchange of that number, or the one to which these labels lead: after the first exchange that contains the first
    /// of them, the first that contains the second, and so on.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<u64> {
        if let Ok(number) = path.parse() {
            return Some(number);
        }
        let mut points = self.points.iter().zip(1..);
        path.split(',').map(|label| points.find(|(point, _)| point.label.contains(label))).last()?.map(|(_, at)| at)
    }

    /// All that can happen to one exchange, with what is late coming at every distance.
    #[must_use]
    pub fn thoroughly(&self, at: u64) -> Vec<Case> {
        let of = self.cases().into_iter().filter(|case| case.fates[0].0 == at);
        let (late, plain): (Vec<Case>, Vec<Case>) = of.partition(|case| case.fates[0].1.is_haunted());
        let every = late.into_iter().flat_map(|case| {
            (1..=FARTHEST).map(move |far| Case { fates: vec![(at, case.fates[0].1.later(far))], ..case.clone() })
        });
        plain.into_iter().chain(every).collect()
    }

    /// Whether that can happen there: somebody else's doing needs something to be done to, and until the plan stands a node
    /// that is out of reach makes it another one.
    fn is_possible(&self, at: usize, fate: Fate) -> bool {
        match fate {
            Fate::Edit | Fate::Recycle => self.victim.vmid.is_some(),
            Fate::Offline => at > self.begun && self.victim.node.is_some(),
            _ => true,
        }
    }

    /// Two things that go wrong in one run.
    #[must_use]
    pub fn pair(&self, chance: &mut Chance) -> Case {
        let cases = self.cases();
        let mut first = chance.of(&cases).clone();
        let at = first.fates[0].0 + 1 + chance.below(60) as u64;
        let sides = [Side::Write, Side::Commit, Side::Read, Side::Statement];
        let fates = chance.of(&sides).fates(chance.far(FARTHEST));
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
        lab.victim = self.victim.clone();
        lab.fates = case.fates.iter().copied().collect();
        let hard = self.is_hard(case);
        let ended = match person::see_through(lab, &self.want, if hard { 3 } else { 0 }).await {
            Ok(ended) => ended,
            Err(why) => return vec![why],
        };
        let mut wrong = self.diverged(lab, case);
        if case.fates.iter().any(|(_, fate)| fate.is_haunted()) {
            lab.all_go_on();
            person::pass(lab, AFTERWARDS).await;
        }
        let world = lab.sandbox.world().to_json();
        let has = |is: fn(&Fate) -> bool| case.fates.iter().any(|(_, fate)| is(fate));
        match ended.status.as_str() {
            // Whoever finds another guest in its place is asked, and may want anything.
            _ if has(|fate| *fate == Fate::Recycle) => {}
            "converged" => {
                let late = has(|fate| fate.is_haunted() || *fate == Fate::Twice);
                let plain = if late { world::without_doubles } else { |essence| essence };
                // A guest that was restored twice, as a person asked after a block, has the volumes it had at first.
                let alike = if ended.again > 0 || late { world::without_volume_numbers } else { |essence| essence };
                let alike = |world: Value| if self.is_blind { alike(plain(world)) } else { plain(world) };
                let differences = world::differences(&alike(self.essence.clone()), &alike(world::essence(&world)));
                let is_theirs = |at: &String| has(|fate| *fate == Fate::Edit) && at.contains(EDITED);
                wrong.extend(differences.into_iter().filter(|at| !is_theirs(at)));
            }
            // What cannot be read is asked about.
            "needs_answer" if has(|fate| matches!(fate, Fate::Lose { .. } | Fate::Offline)) => {}
            status => wrong.push(format!("it ended {status}: {}", ended.reason)),
        }
        let has_doubles = |world: &Value| world::without_doubles(world::essence(world)) != world::essence(world);
        if ended.status == "converged" && has_doubles(&world) {
            // They go with the next plan.
            wrong.extend(person::see_through(lab, &Want::Again(ended.id), 1).await.err());
            if has_doubles(&lab.sandbox.world().to_json()) {
                wrong.push("a firewall rule that came twice stays there twice".to_owned());
            }
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
        // A rule that comes late is another change of the firewall than its plan knows.
        let makes_late_rules =
            || self.deed.actions.contains(&"add_rule") && case.fates.iter().any(|(_, fate)| fate.is_haunted());
        self.is_blind
            || makes_late_rules()
            || case.fates.len() > 1
            || case.fates.iter().any(|(_, fate)| match fate {
                Fate::KillLate { .. } | Fate::Twice | Fate::Refuse | Fate::Edit | Fate::Recycle | Fate::Offline => true,
                Fate::Pass | Fate::Kill { .. } | Fate::Freeze { .. } | Fate::Lose { .. } => false,
            })
    }

    /// Whether nobody can approve the deed's plan who may not, nor by the digest of another one, nor without naming what it
    /// destroys.
    async fn is_approved_by_nobody_else(&self, lab: &mut Lab) -> Result<(), String> {
        lab.set_back(PREPARED, &self.world, self.seed).await;
        let id = match &self.want {
            // Who is no Admin may see their own.
            Want::Text(text) => person::declare(lab, &lab.stranger.clone(), text).await?,
            Want::Again(id) => person::plan_again(lab, *id).await?.then_some(*id),
        };
        let Some(id) = id else { return Err(format!("{}: nobody answers", self.deed.name)) };
        person::settle(lab, id).await?;
        let front = lab.front();
        person::approve_wrongly(lab, front, id).await
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
    // What was to go wrong later than this would go wrong in what is asked from here on.
    lab.fates.clear();
    lab.sandbox.clear_all().expect("faults can be cleared");
    let mut wrong: Vec<String> = std::mem::take(&mut lab.violations);
    wrong.extend(untouched(lab, before));
    let is_theirs = lab.victim.vmid.is_some_and(|vmid| lab.foreign.contains(&vmid));
    if is_theirs {
        // What was declared is about a guest that is not there any more.
    } else if ended.status == "converged" {
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
        let number = vmid.parse().unwrap_or_default();
        let is_touched = touched.iter().any(|touched| touched.get() == number) || lab.is_edited_since(number, 0);
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
