//! Declarations and plans as people read them on a terminal, and their progress.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mycopod_core::status::{DeclarationStatus, StepState};
use serde_json::Value;

use crate::api::{Change, Declaration, Fragment, LedgerStep, Plan, Reading, Source, plain};
use crate::client::{Client, ClientError};
use crate::commands::standing;
use crate::exit::Exit;
use crate::output::{Output, Text, Tone};

/// The longest the server lets a request wait for a change.
const WAIT_SECONDS: u64 = 30;
/// While steps are shown they are looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the spinner of a running step turns.
const SPIN_EVERY: Duration = Duration::from_millis(120);

/// A declaration as the server gave it, and what is shown of it.
pub struct Shown {
    /// The server's answer.
    pub raw: Value,
    /// The same, typed.
    pub declaration: Declaration,
}

impl Shown {
    /// From the server's answer.
    pub fn of(client: &Client, raw: Value) -> Result<Self, ClientError> {
        let declaration = client.parse(&raw)?;
        Ok(Self { raw, declaration })
    }

    /// Fetches a declaration.
    pub async fn fetch(client: &Client, id: &str) -> Result<Self, ClientError> {
        Self::of(client, client.get(&format!("/declarations/{id}")).await?)
    }

    /// Waits until nothing is under way with it.
    pub async fn settled(mut self, client: &Client) -> Result<Self, ClientError> {
        while self.declaration.status.is_busy() {
            let path = format!("/declarations/{}?wait={WAIT_SECONDS}", self.declaration.id);
            self = Self::of(client, client.get(&path).await?)?;
        }
        Ok(self)
    }

    /// The same, showing how the steps go on standard error.
    pub async fn carried_out(mut self, client: &Client) -> Result<Self, ClientError> {
        let mut progress = Progress::new(self.declaration.plan.as_ref());
        while self.declaration.status.is_busy() {
            tokio::time::sleep(LOOK_EVERY).await;
            self = Self::fetch(client, &self.declaration.id.to_string()).await?;
            if let Some(reconciliation) = &self.declaration.reconciliation {
                progress.update(&reconciliation.steps);
            }
        }
        progress.finish();
        Ok(self)
    }

    /// Writes it in full, and tells its exit code.
    pub fn write(&self, out: Output, detailed: bool) -> Exit {
        if out.is_json() {
            out.value(&self.raw);
        } else {
            write(&self.declaration, out);
        }
        exit(&self.declaration, detailed)
    }

    /// Writes what became of an approved plan, which was looked at before.
    pub fn write_outcome(&self, out: Output) -> Exit {
        if out.is_json() {
            out.value(&self.raw);
        } else {
            write_head(&self.declaration, out);
            write_outcome(&self.declaration, out);
        }
        exit(&self.declaration, false)
    }
}

/// Where a declaration stands, what it says, and why it stands there.
fn write_head(declaration: &Declaration, out: Output) {
    let (name, tone) = status(declaration.status);
    out.line(format_args!(
        "{}  {}  {}",
        out.paint(Tone::Strong, declaration.id),
        out.paint(tone, name),
        out.paint(Tone::Faint, &declaration.author.email)
    ));
    for line in declaration.content.as_str().lines() {
        out.line(format_args!("  {line}"));
    }
    if let Some(reason) = &declaration.status_reason {
        out.line(out.paint(tone, reason));
    }
    if let Some(line) = declaration.standing.as_ref().and_then(standing::line) {
        out.line(out.paint(Tone::Faint, Text::from(line)));
    }
}

/// The exit code of a declaration's state.
fn exit(declaration: &Declaration, detailed: bool) -> Exit {
    match declaration.status {
        DeclarationStatus::NeedsAnswer => Exit::NeedsAnswer,
        DeclarationStatus::Refused => Exit::Refused,
        DeclarationStatus::AwaitingApproval if detailed => Exit::Changes,
        DeclarationStatus::Stale => Exit::Stale,
        DeclarationStatus::Blocked => Exit::Blocked,
        DeclarationStatus::Failed => Exit::StepFailed,
        DeclarationStatus::Cancelled | DeclarationStatus::Superseded => Exit::CalledOff,
        DeclarationStatus::Reading
        | DeclarationStatus::AwaitingApproval
        | DeclarationStatus::Approved
        | DeclarationStatus::Applying
        | DeclarationStatus::Converged => Exit::Done,
    }
}

/// A state's name and its colour.
#[must_use]
pub fn status(status: DeclarationStatus) -> (String, Tone) {
    let tone = match status {
        DeclarationStatus::Converged => Tone::Good,
        DeclarationStatus::Blocked | DeclarationStatus::Failed | DeclarationStatus::Refused => Tone::Bad,
        DeclarationStatus::NeedsAnswer | DeclarationStatus::AwaitingApproval | DeclarationStatus::Stale => Tone::Notice,
        DeclarationStatus::Reading | DeclarationStatus::Approved | DeclarationStatus::Applying => Tone::Strong,
        DeclarationStatus::Cancelled | DeclarationStatus::Superseded => Tone::Faint,
    };
    (status.as_str().replace('_', " "), tone)
}

fn write(declaration: &Declaration, out: Output) {
    write_head(declaration, out);
    if let Some(reading) = &declaration.reading {
        write_reading(reading, out);
    }
    if let Some(plan) = &declaration.plan {
        write_plan(plan, out);
    }
    write_outcome(declaration, out);
}

/// How the carrying-out went, step by step.
fn write_outcome(declaration: &Declaration, out: Output) {
    let Some(reconciliation) = &declaration.reconciliation else { return };
    let summary = |seq| {
        let step = declaration.plan.as_ref().and_then(|plan| plan.steps.iter().find(|step| step.seq == seq));
        step.map(|step| step.summary.clone()).unwrap_or_default()
    };
    let done = reconciliation.steps.iter().filter(|step| step.state == StepState::Done).count();
    out.line(format_args!("\nCarried out: {done} of {} steps", reconciliation.steps.len()));
    for step in &reconciliation.steps {
        let tone = match step.state {
            StepState::Done => Tone::Good,
            StepState::Failed | StepState::Blocked => Tone::Bad,
            StepState::Pending | StepState::Started | StepState::Submitted | StepState::Skipped => Tone::Faint,
        };
        let state = out.paint(tone, format_args!("{:<9}", step.state.as_str()));
        out.line(format_args!("{:>4}  {state} {}", step.seq, summary(step.seq)));
        if let Some(error) = &step.error {
            out.line(out.paint(Tone::Bad, format_args!("                {error}")));
        }
    }
    if let Some(reason) = &reconciliation.reason {
        out.line(out.paint(Tone::Bad, reason));
    }
}

fn write_reading(reading: &Reading, out: Output) {
    if let Some(text) = &reading.reworded {
        out.line(out.paint(Tone::Strong, "\nRead with the answers in their places"));
        text.as_str().lines().for_each(|line| out.line(format_args!("  {line}")));
    }
    if let Some(refusal) = &reading.refusal {
        out.line(out.paint(Tone::Bad, format_args!("\nRefused: {refusal}")));
    }
    for note in &reading.notes {
        out.line(out.paint(Tone::Notice, format_args!("\n{note}")));
    }
    if !reading.statements.is_empty() {
        out.line(out.paint(Tone::Strong, "\nUnderstood"));
    }
    if let Some(cluster) = &reading.cluster {
        out.line(format_args!("  on cluster {}", cluster.display));
    }
    for statement in &reading.statements {
        let targets: Vec<&str> = statement.targets.iter().map(|target| target.display.as_str()).collect();
        out.line(format_args!("  {} {}", statement.verb, targets.join(", ")));
        for field in &statement.fields {
            let source = out.paint(Tone::Faint, source(&field.source));
            out.line(format_args!("    {:<20} {:<24} {source}", field.label, field.value));
        }
    }
    let quoted = |fragments: &[Fragment]| {
        let quoted: Vec<String> = fragments.iter().map(|fragment| format!("“{}”", fragment.text)).collect();
        quoted.join(", ")
    };
    if !reading.asides.is_empty() {
        out.line(
            out.paint(
                Tone::Faint,
                format_args!("\nSaid beside it, nothing is done for it: {}", quoted(&reading.asides)),
            ),
        );
    }
    if !reading.unread.is_empty() {
        out.line(out.paint(Tone::Notice, format_args!("\nNot understood: {}", quoted(&reading.unread))));
    }
    for question in &reading.questions {
        let options: Vec<&str> = question.options.iter().map(crate::output::Text::as_str).collect();
        let options = if options.is_empty() { String::new() } else { format!("  [{}]", options.join(" | ")) };
        let answer = question.answer.as_ref().map(|answer| format!("  → {answer}")).unwrap_or_default();
        out.line(out.paint(Tone::Notice, format_args!("\n{}: {}{options}{answer}", question.id, question.text)));
    }
}

fn source(source: &Source) -> String {
    match source {
        Source::Said { text } => format!("said: “{text}”"),
        Source::Default { why } => format!("default: {why}"),
        Source::Inferred { why } => format!("inferred: {why}"),
        Source::Answered { answer } => format!("answered: “{answer}”"),
        Source::Set { by } => format!("set in the form by {by}"),
    }
}

/// A plan, step by step.
pub fn write_plan(plan: &Plan, out: Output) {
    out.line(format_args!(
        "\n{}  {} to create, {} to change, {} to destroy  {}",
        out.paint(Tone::Strong, "Plan"),
        plan.summary.create,
        plan.summary.update,
        plan.summary.destroy,
        out.paint(Tone::Faint, &plan.digest)
    ));
    out.line(&plan.explanation);
    for step in &plan.steps {
        let tone = match step.effect.as_str() {
            "destroy" => Tone::Bad,
            "live" => Tone::Good,
            _ => Tone::Notice,
        };
        out.line(format_args!(
            "{:>4}  {}  {}",
            step.seq,
            out.paint(tone, format_args!("{:<8}", step.effect)),
            step.summary
        ));
        for Change { field, from, to, source: from_whom } in &step.changes {
            let from_whom = out.paint(Tone::Faint, source(from_whom));
            out.line(format_args!("                  {field:<20} {} → {}  {from_whom}", plain(from), plain(to)));
        }
        for other in &step.collateral {
            out.line(out.paint(Tone::Bad, format_args!("                  also: {other}")));
        }
    }
    for note in &plan.notes {
        out.line(out.paint(Tone::Notice, format_args!("Note: {note}")));
    }
}

/// The names of the guests and files that a plan destroys.
#[must_use]
pub fn destroyed(plan: &Plan) -> std::collections::BTreeSet<String> {
    let destroys = plan.steps.iter().filter(|step| step.effect.as_str() == "destroy");
    let named = destroys.filter_map(|step| step.guest.as_ref().or(step.facility.as_ref()));
    named.map(|subject| subject.name.as_str().to_owned()).collect()
}

/// A bar over all steps, and a spinner for each that is under way. Draws on standard
/// error, and nothing where that is no terminal.
struct Progress {
    bars: MultiProgress,
    total: ProgressBar,
    running: BTreeMap<u32, ProgressBar>,
    summaries: BTreeMap<u32, String>,
}

impl Progress {
    fn new(plan: Option<&Plan>) -> Self {
        let steps = plan.map_or(&[][..], |plan| &plan.steps);
        let bars = MultiProgress::new();
        let total = bars.add(ProgressBar::new(steps.len() as u64));
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} steps  {elapsed}") {
            total.set_style(style);
        }
        let summaries = steps.iter().map(|step| (step.seq, step.summary.to_string())).collect();
        Self { bars, total, running: BTreeMap::new(), summaries }
    }

    fn update(&mut self, steps: &[LedgerStep]) {
        for step in steps {
            let summary = self.summaries.get(&step.seq).cloned().unwrap_or_default();
            match step.state {
                StepState::Started | StepState::Submitted => {
                    self.running.entry(step.seq).or_insert_with(|| {
                        let spinner = self.bars.insert_before(&self.total, ProgressBar::new_spinner());
                        spinner.set_message(summary);
                        spinner.enable_steady_tick(SPIN_EVERY);
                        spinner
                    });
                }
                StepState::Done | StepState::Failed | StepState::Blocked => {
                    if let Some(spinner) = self.running.remove(&step.seq) {
                        spinner.finish_with_message(format!("{summary}: {}", step.state));
                    }
                }
                StepState::Pending | StepState::Skipped => {}
            }
        }
        self.total.set_position(steps.iter().filter(|step| step.state == StepState::Done).count() as u64);
    }

    fn finish(self) {
        for spinner in self.running.into_values() {
            spinner.finish_and_clear();
        }
        self.total.abandon();
    }
}
