//! `mycopod prune`: writes the ledger of declarations that ended long ago to a file, and removes it from the database.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, note};
use crate::terminal;

/// What to remove, and where to keep it.
#[derive(clap::Args)]
pub struct Args {
    /// Declarations that were refused, called off or superseded before this day (UTC), such as 2026-01-31
    #[arg(long)]
    before: NaiveDate,
    /// The file that is made for it: a line of JSON a declaration
    #[arg(long, value_name = "FILE")]
    archive: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Deserialize)]
struct Batch {
    lines: Vec<String>,
    sha256: String,
}

/// Archives and removes, batch by batch: nothing is removed that is not on the disk.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let before = args.before.and_time(NaiveTime::MIN).and_utc();
    let mut batch = next(client, before).await?;
    if batch.lines.is_empty() {
        return Ok(told(0, &args, out));
    }
    if !args.yes {
        if !terminal::is_attended() {
            note("Nobody is there to be asked: say --yes. Nothing was removed.");
            return Ok(Exit::Usage);
        }
        let question = format!(
            "Readings, plans, approvals and steps of declarations that ended before {} go to {} and leave the database; \
             the audit log stays whole. Go on? [y/N] ",
            args.before,
            args.archive.display()
        );
        if !matches!(terminal::ask(question).await, Ok(Some(typed)) if matches!(typed.trim(), "y" | "Y" | "yes")) {
            note("Nothing was removed.");
            return Ok(Exit::CalledOff);
        }
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.archive) {
        Ok(file) => file,
        Err(error) => {
            note(format_args!("error: {} cannot be made: {error}. Nothing was removed", args.archive.display()));
            return Ok(Exit::Error);
        }
    };
    let mut archived = 0;
    while !batch.lines.is_empty() {
        if let Err(error) = keep(&mut file, &batch.lines) {
            note(format_args!(
                "error: {} cannot be written: {error}. {archived} declarations were archived and removed, and no others",
                args.archive.display()
            ));
            return Ok(Exit::Error);
        }
        client.post("/archive/prune", &json!({ "before": before, "sha256": batch.sha256 })).await?;
        archived += batch.lines.len();
        batch = next(client, before).await?;
    }
    Ok(told(archived, &args, out))
}

async fn next(client: &Client, before: DateTime<Utc>) -> Result<Batch, ClientError> {
    let before = before.format("%Y-%m-%dT%H:%M:%SZ");
    client.parse(&client.get(&format!("/archive?before={before}")).await?)
}

/// Writes lines so that they outlast a power cut.
fn keep(file: &mut File, lines: &[String]) -> io::Result<()> {
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.sync_all()
}

fn told(archived: usize, args: &Args, out: Output) -> Exit {
    if out.is_json() {
        out.value(&json!({ "archived": archived, "file": (archived > 0).then_some(&args.archive) }));
    } else if archived == 0 {
        out.line(format_args!("Nothing ended before {} that is not archived already.", args.before));
    } else {
        out.line(format_args!(
            "The ledger of {archived} declarations is in {} and no longer in the database.",
            args.archive.display()
        ));
    }
    Exit::Done
}
