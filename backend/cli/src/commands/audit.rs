//! `mycopod audit`: reads, exports and verifies the audit log.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use futures::StreamExt;
use mycopod_core::audit::Checkpoint;
use reqwest::Response;
use serde_json::json;

use crate::api::Entry;
use crate::client::{Client, ClientError};
use crate::config::ClientConfig;
use crate::exit::Exit;
use crate::output::{Output, Text, Tone, note};
use crate::verify::Verifier;

/// What to do with the log.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List entries, newest first
    List {
        /// How many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Only entries before this number
        #[arg(long)]
        before: Option<u64>,
        /// Only the entries of this declaration
        #[arg(long)]
        declaration: Option<uuid::Uuid>,
    },
    /// Verify the live log, or an export offline
    Verify(VerifyArgs),
    /// Write the log as JSON lines, each entry with its hash
    Export {
        /// The file to write; otherwise standard output
        #[arg(long)]
        output: Option<PathBuf>,
        /// Keep the log's signed checkpoint too, in this file
        #[arg(long)]
        checkpoint: Option<PathBuf>,
    },
}

#[derive(clap::Args)]
struct VerifyArgs {
    /// A checkpoint that was kept outside: the log must still contain what it covers
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// An export to verify, without a server
    #[arg(long)]
    export: Option<PathBuf>,
    /// The key that checkpoints must be signed with, in hexadecimal
    #[arg(long)]
    public_key: Option<String>,
}

/// Does it.
pub async fn run(args: Args, config: &ClientConfig, out: Output) -> Result<Exit, ClientError> {
    match args.command {
        Command::List { limit, before, declaration } => {
            let before = before.map(|before| format!("&before={before}")).unwrap_or_default();
            let declaration = declaration.map(|id| format!("&declaration={id}")).unwrap_or_default();
            list(&Client::new(config)?, &format!("/audit?limit={limit}{before}{declaration}"), out).await
        }
        Command::Export { output, checkpoint } => export(&Client::new(config)?, output, checkpoint, out).await,
        Command::Verify(args) => match &args.export {
            Some(file) => Ok(verify_export(file, &args, out)),
            None => verify_live(&Client::new(config)?, &args, out).await,
        },
    }
}

async fn list(client: &Client, path: &str, out: Output) -> Result<Exit, ClientError> {
    let raw = client.get(path).await?;
    if out.is_json() {
        out.value(&raw);
        return Ok(Exit::Done);
    }
    let entries: Vec<Entry> = client.parse(&raw)?;
    let text = |text: &Option<Text>| text.as_ref().map(ToString::to_string).unwrap_or_default();
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let who = entry.actor.email.as_ref().unwrap_or(&entry.actor.kind).to_string();
            let time = entry.time.format("%Y-%m-%d %H:%M:%S").to_string();
            let row =
                [entry.seq.to_string(), time, who, entry.kind.to_string(), text(&entry.subject), text(&entry.status)];
            (None, row)
        })
        .collect();
    out.table(["SEQ", "TIME (UTC)", "WHO", "WHAT", "SUBJECT", "STATUS"], &rows);
    Ok(Exit::Done)
}

async fn export(
    client: &Client,
    output: Option<PathBuf>,
    checkpoint: Option<PathBuf>,
    out: Output,
) -> Result<Exit, ClientError> {
    // The checkpoint first, so that the export contains all that it covers.
    if let Some(path) = &checkpoint {
        let signed = client.get("/audit/checkpoint").await?;
        if let Err(error) = std::fs::write(path, format!("{signed:#}\n")) {
            note(format_args!("error: {} cannot be written: {error}", path.display()));
            return Ok(Exit::Error);
        }
    }
    let mut file = match output.as_ref().map(File::create).transpose() {
        Ok(file) => file,
        Err(error) => {
            note(format_args!("error: the export cannot be written: {error}"));
            return Ok(Exit::Error);
        }
    };
    let mut count = 0_u64;
    let mut failed = None;
    lines(client, client.stream("/audit/export").await?, |line| {
        count += 1;
        match &mut file {
            None => out.line(String::from_utf8_lossy(line)),
            Some(file) => {
                if let Err(error) = file.write_all(&[line, b"\n"].concat()) {
                    failed.get_or_insert(error);
                }
            }
        }
    })
    .await?;
    if let Some(error) = failed.or_else(|| file.as_mut().and_then(|file| file.sync_all().err())) {
        note(format_args!("error: the export is incomplete: {error}"));
        return Ok(Exit::Error);
    }
    note(format_args!("{count} entries"));
    Ok(Exit::Done)
}

/// Hands on the lines of an answer as they come in.
async fn lines(client: &Client, answer: Response, mut each: impl FnMut(&[u8])) -> Result<(), ClientError> {
    let mut pieces = answer.bytes_stream();
    let mut rest = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| ClientError::Malformed {
            url: client.url().to_owned(),
            why: format!("the log broke off: {error}"),
        })?;
        rest.extend_from_slice(&piece);
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in rest.drain(..whole).as_slice().split_inclusive(|byte| *byte == b'\n') {
            each(line.strip_suffix(b"\n").unwrap_or(line));
        }
    }
    if !rest.is_empty() {
        each(&rest);
    }
    Ok(())
}

async fn verify_live(client: &Client, args: &VerifyArgs, out: Output) -> Result<Exit, ClientError> {
    let signed: Checkpoint = client.parse(&client.get("/audit/checkpoint").await?)?;
    let mut verifier = Verifier::new();
    lines(client, client.stream("/audit/export").await?, |line| verifier.line(line)).await?;
    let ended = report(verifier, Some(&signed), args, out);
    if ended == Exit::NotVerified {
        // The server holds the hash of every entry and can name the first that does not fit.
        let own = client.get("/audit/verify").await?;
        let first = &own["first_bad"];
        if let (Some(seq), Some(why)) = (first["seq"].as_u64(), first["why"].as_str()) {
            note(format_args!("The server names entry {seq}: {}", Text::from(why.to_owned())));
        }
    }
    Ok(ended)
}

fn verify_export(path: &Path, args: &VerifyArgs, out: Output) -> Exit {
    let mut verifier = Verifier::new();
    let read = File::open(path)
        .and_then(|file| BufReader::new(file).split(b'\n').try_for_each(|line| line.map(|line| verifier.line(&line))));
    if let Err(error) = read {
        note(format_args!("error: {} cannot be read: {error}", path.display()));
        return Exit::Error;
    }
    report(verifier, None, args, out)
}

/// Holds what was read against the checkpoints, and tells how it stands.
fn report(mut verifier: Verifier, live: Option<&Checkpoint>, args: &VerifyArgs, out: Output) -> Exit {
    let kept = match args.checkpoint.as_deref().map(kept).transpose() {
        Ok(kept) => kept,
        Err(why) => {
            note(format_args!("error: {why}"));
            return Exit::Error;
        }
    };
    let mut problems = Vec::new();
    let mut keys = Vec::new();
    for checkpoint in kept.iter().chain(live) {
        if let Err(error) = verifier.checkpoint(checkpoint) {
            problems.push(error.to_string());
        }
        if args.public_key.as_ref().is_some_and(|key| !key.eq_ignore_ascii_case(&checkpoint.public_key)) {
            problems.push(format!("the checkpoint was signed with another key: {}", checkpoint.public_key));
        }
        keys.push(checkpoint.public_key.clone());
    }
    keys.dedup();
    if let [kept, live] = keys.as_slice() {
        problems.push(format!("the kept checkpoint was signed with another key than the log’s: {kept} and {live}"));
    }
    let bad = verifier.bad();
    let ok = bad.is_none() && problems.is_empty();
    let root = verifier.root();
    if out.is_json() {
        out.value(&json!({ "ok": ok, "size": verifier.size(), "root": root, "first_bad": bad, "problems": problems, "public_keys": keys }));
    } else {
        for problem in &problems {
            out.line(out.paint(Tone::Bad, problem));
        }
        if let Some(bad) = bad {
            let place = if bad.first == bad.last {
                format!("First bad entry: {}", bad.first)
            } else {
                format!("The first bad entry is one of {} to {}", bad.first, bad.last)
            };
            out.line(out.paint(Tone::Bad, format_args!("{place}: {}", bad.why)));
        }
        let sum = format!("{} entries, root {root}", verifier.size());
        out.line(if ok { out.paint(Tone::Good, format_args!("Verified: {sum}")) } else { sum });
        for key in keys {
            out.line(format_args!("Signed with {key}"));
        }
        if ok && live.is_none() && kept.is_none() {
            out.line("Without --checkpoint, entries cut off at the end cannot be noticed.");
        }
    }
    if ok { Exit::Done } else { Exit::NotVerified }
}

fn kept(path: &Path) -> Result<Checkpoint, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is no checkpoint: {error}", path.display()))
}
