//! `mycopod drift`: what is no longer as declared, and what a person decides about it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mycopod_core::ports::Clock;
use mycopod_engine::clock::SystemClock;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Cluster, Guest, plain};
use crate::client::{Client, ClientError};
use crate::commands::guests::place;
use crate::exit::Exit;
use crate::output::{Output, Tone, note};

/// How to tell.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Exit with 2 where something is not as declared
    #[arg(long)]
    detailed_exitcode: bool,
}

/// What to decide.
#[derive(clap::Subcommand)]
enum Command {
    /// Accept the value that is seen: it is the declared one from now on (Admin)
    Accept(Which),
    /// Accept that a guest is gone (Admin)
    Gone(Whose),
    /// Make the field nobody's: it is not declared any more
    Ignore(Which),
    /// Let it rest for a time, or until another value is seen
    Snooze {
        #[command(flatten)]
        which: Which,
        /// Until when, such as 2026-04-01T08:00:00Z
        #[arg(long, conflicts_with = "hours")]
        until: Option<DateTime<Utc>>,
        /// For how many hours
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=720))]
        hours: u64,
    },
}

#[derive(clap::Args)]
struct Whose {
    /// The guest's name or VMID
    guest: String,
    /// Its cluster, where several have such a guest
    #[arg(long)]
    cluster: Option<String>,
}

#[derive(clap::Args)]
struct Which {
    #[command(flatten)]
    whose: Whose,
    /// The field's key, as `mycopod drift` shows it
    field: String,
}

/// Lists the guests with drift, or decides about one.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let raw = client.get("/guests").await?;
    let guests: Vec<(Value, Guest)> = match raw {
        Value::Array(guests) => {
            let typed = guests.into_iter().map(|guest| Ok((guest.clone(), client.parse(&guest)?)));
            typed.collect::<Result<_, ClientError>>()?
        }
        other => client.parse::<Vec<Guest>>(&other).map(|_| Vec::new())?,
    };
    match args.command {
        None => list(args.detailed_exitcode, guests, client, out).await,
        Some(command) => decide(command, &guests, client, out).await,
    }
}

async fn list(detailed: bool, guests: Vec<(Value, Guest)>, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let several = guests.windows(2).any(|pair| pair[0].1.cluster != pair[1].1.cluster);
    let drifted: Vec<(Value, Guest)> =
        guests.into_iter().filter(|(_, guest)| !guest.drift.is_empty() || guest.problem.is_some()).collect();
    if out.is_json() {
        out.value(&drifted.iter().map(|(raw, _)| raw).collect::<Vec<_>>());
    } else {
        if drifted.is_empty() {
            out.line("Everything is as declared.");
        }
        for (_, guest) in &drifted {
            write(guest, several, out);
        }
        bound(client, out).await?;
    }
    Ok(if detailed && !drifted.is_empty() { Exit::Changes } else { Exit::Done })
}

/// Within what time a change is found.
async fn bound(client: &Client, out: Output) -> Result<(), ClientError> {
    let clusters: Vec<Cluster> = client.parse(&client.get("/clusters").await?)?;
    for cluster in &clusters {
        let Some(keeping) = &cluster.keeping else { continue };
        let oldest = match keeping.oldest_seconds {
            Some(seconds) => format!(", the oldest look is {} old", span(seconds)),
            None if keeping.guests == 0 => String::new(),
            None => ", not all were looked at yet".to_owned(),
        };
        let line = format!(
            "{}: {} guests are kept. Power, names, tags, memory and what is gone are compared every {:.0} s; every other \
             change is found within {}{oldest}.",
            cluster.name,
            keeping.guests,
            keeping.every_seconds,
            span(keeping.within_seconds),
        );
        out.line(out.paint(Tone::Faint, line));
    }
    Ok(())
}

/// A length of time for people.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}

fn write(guest: &Guest, several: bool, out: Output) {
    let name = out.paint(Tone::Strong, format_args!("{} ({} on {})", guest.name, guest.vmid, place(guest, several)));
    out.line(format_args!("{name}  seen {:.0} s ago", guest.age_seconds));
    if let Some(problem) = &guest.problem {
        out.line(out.paint(Tone::Bad, format_args!("  {problem}")));
    }
    for drift in &guest.drift {
        let since = out.paint(Tone::Faint, drift.since.format("since %Y-%m-%d %H:%M UTC"));
        out.line(format_args!(
            "  {:<20} declared {}, is {}  {since}",
            drift.field,
            plain(&drift.declared),
            plain(&drift.observed)
        ));
        if let Some(cause) = &drift.cause {
            out.line(out.paint(Tone::Faint, format_args!("  {:<20} {}", "", cause.text)));
        }
        if let Some(repairs) = drift.repairs_undone {
            let text =
                format!("a loop: {repairs} repairs of it were undone within a day; another tool wants another value");
            out.line(out.paint(Tone::Bad, format_args!("  {:<20} {text}", "")));
        }
        if let Some(until) = &drift.snoozed_until {
            let until = until.format("snoozed until %Y-%m-%d %H:%M UTC");
            out.line(out.paint(Tone::Faint, format_args!("  {:<20} {until}", "")));
        }
    }
    if let Some(declaration) = guest.declaration {
        out.line(out.paint(Tone::Faint, format_args!("  propose a repair: mycopod plan --again {declaration}")));
    }
    if !guest.drift.is_empty() {
        let others = format!("  or: mycopod drift accept|ignore|snooze {} FIELD", guest.name);
        out.line(out.paint(Tone::Faint, others));
    }
}

async fn decide(
    command: Command,
    guests: &[(Value, Guest)],
    client: &Client,
    out: Output,
) -> Result<Exit, ClientError> {
    let whose = match &command {
        Command::Accept(which) | Command::Ignore(which) | Command::Snooze { which, .. } => &which.whose,
        Command::Gone(whose) => whose,
    };
    let Some((guest, resource)) = named(whose, guests) else { return Ok(Exit::Usage) };
    let (path, body, done) = match &command {
        Command::Gone(_) => {
            ("gone".to_owned(), json!({}), "is no longer declared: that it is gone is accepted.".to_owned())
        }
        Command::Accept(Which { field, .. }) => {
            let Some(drift) = guest.drift.iter().find(|drift| drift.field.as_str() == field) else {
                note(format_args!("error: {field} of {} has not drifted. Nothing was changed", guest.name));
                return Ok(Exit::Error);
            };
            let done = format!("has {field} as it is: {} is accepted.", plain(&drift.observed));
            (format!("{field}/accept"), json!({ "observed": drift.observed }), done)
        }
        Command::Ignore(Which { field, .. }) => {
            (format!("{field}/ignore"), json!({}), format!("is no longer declared in {field}."))
        }
        Command::Snooze { which: Which { field, .. }, until, hours } => {
            let until = until.unwrap_or_else(|| SystemClock.now() + Duration::from_secs(hours * 3_600));
            let done = format!("may differ in {field} until {}.", until.format("%Y-%m-%d %H:%M UTC"));
            (format!("{field}/snooze"), json!({ "until": until }), done)
        }
    };
    client.post(&format!("/drift/{resource}/{path}"), &body).await?;
    if out.is_json() {
        out.value(&json!({ "guest": guest.name.as_str(), "resource": resource, "done": path }));
    } else {
        out.line(format_args!("{} {done}", guest.name));
    }
    Ok(Exit::Done)
}

/// The one guest of ours of that name or number.
fn named<'g>(whose: &Whose, guests: &'g [(Value, Guest)]) -> Option<(&'g Guest, Uuid)> {
    let is_meant = |guest: &Guest| guest.name.as_str() == whose.guest || guest.vmid.to_string() == whose.guest;
    let is_there = |guest: &Guest| whose.cluster.as_ref().is_none_or(|name| guest.cluster.as_str() == name);
    let found: Vec<(&Guest, Uuid)> = guests
        .iter()
        .filter(|(_, guest)| is_meant(guest) && is_there(guest))
        .filter_map(|(_, guest)| Some((guest, guest.resource?)))
        .collect();
    match found.as_slice() {
        [one] => Some(*one),
        [] => {
            note(format_args!("error: no guest of ours is called {}. Nothing was changed", whose.guest));
            None
        }
        several => {
            note(format_args!(
                "error: {} guests of ours are called {}: name the VMID, or --cluster. Nothing was changed",
                several.len(),
                whose.guest
            ));
            None
        }
    }
}
