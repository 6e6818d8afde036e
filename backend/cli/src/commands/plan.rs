//! `mycopod plan`: shows a plan, makes a new one, or compares intents in files with the cluster.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::api::{DryPlan, Guest};
use crate::ask;
use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::files::{self, IntentFile};
use crate::output::{Output, Tone, note};
use crate::show::{Shown, write_plan};

/// Which plan.
#[derive(clap::Args)]
pub struct Args {
    /// The declaration
    #[arg(required_unless_present = "file")]
    id: Option<uuid::Uuid>,
    /// Compare the intents of a file or folder with the cluster, and declare nothing: exit with 0 where there is
    /// nothing to do, 2 where there are changes, 3 where something would be asked
    #[arg(long, short, value_name = "PATH", conflicts_with_all = ["id", "again"])]
    file: Option<PathBuf>,
    /// Plan again from what is: after stale, blocked or failed, or to repair drift
    #[arg(long)]
    again: bool,
    /// Exit with 2 where there are changes to make
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Shows the declaration with its plan, or what files would change.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let Some(id) = args.id else {
        return compare(&args.file.unwrap_or_default(), client, out).await;
    };
    let shown = if args.again {
        let planned = client.post(&format!("/declarations/{id}/plan"), &json!({})).await?;
        Shown::of(client, planned)?
    } else {
        Shown::fetch(client, &id.to_string()).await?
    };
    ask::settled(shown, client, out, args.detailed_exitcode).await
}

async fn compare(path: &Path, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let files = match files::load(path) {
        Ok(files) => files,
        Err(error) => {
            note(format_args!("error: {error}. Nothing was compared"));
            return Ok(Exit::Error);
        }
    };
    let mut raw = Vec::new();
    for text in files::by_cluster(&files) {
        raw.push(client.post("/plans", &json!({ "intent": text })).await?);
    }
    let plans = raw.iter().map(|plan| client.parse(plan)).collect::<Result<Vec<DryPlan>, _>>()?;
    let named: BTreeSet<&str> = files.iter().flat_map(IntentFile::names).collect();
    let guests: Vec<Guest> = client.parse(&client.get("/guests").await?)?;
    let is_about = |guest: &&Guest| plans.iter().any(|plan| plan.cluster == guest.cluster);
    let others = guests.iter().filter(|guest| guest.managed && !named.contains(guest.name.as_str()));
    let others: Vec<&str> = others.filter(is_about).map(|guest| guest.name.as_str()).collect();
    if out.is_json() {
        out.value(&json!({ "plans": Value::Array(raw.clone()), "in_no_file": others }));
    } else {
        for plan in &plans {
            write(plan, out);
        }
        if !others.is_empty() {
            let listed = others.join(", ");
            out.line(out.paint(Tone::Faint, format_args!("\nIn no file, and left as they are: {listed}")));
        }
    }
    Ok(if plans.iter().any(|plan| plan.plan.is_none()) {
        Exit::NeedsAnswer
    } else if plans.iter().any(DryPlan::changes) {
        Exit::Changes
    } else {
        Exit::Done
    })
}

fn write(plan: &DryPlan, out: Output) {
    // Which cluster it is for may be what is asked.
    if !plan.reading.questions.iter().any(|question| question.id.as_str().starts_with("cluster")) {
        out.line(format_args!("{} {}", out.paint(Tone::Strong, "Cluster"), plan.cluster));
    }
    for note in &plan.reading.notes {
        out.line(out.paint(Tone::Notice, note));
    }
    for question in &plan.reading.questions {
        out.line(out.paint(Tone::Notice, format_args!("Would be asked: {}", question.text)));
    }
    match &plan.plan {
        Some(plan) if plan.steps.is_empty() => out.line("Nothing would be done."),
        Some(plan) => write_plan(plan, out),
        None => {}
    }
    if !plan.undeclared.is_empty() {
        let names: Vec<&str> = plan.undeclared.iter().map(crate::output::Text::as_str).collect();
        out.line(out.paint(Tone::Faint, format_args!("Not declared so yet: {}", names.join(", "))));
    }
}
