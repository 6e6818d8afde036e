//! `mycopod drift`: what is no longer as declared.

use serde_json::Value;

use crate::api::{Guest, plain};
use crate::client::{Client, ClientError};
use crate::commands::guests::place;
use crate::exit::Exit;
use crate::output::{Output, Tone};

/// How to tell.
#[derive(clap::Args)]
pub struct Args {
    /// Exit with 2 where something is not as declared
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Lists the guests with drift, and the command that proposes a repair.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let raw = client.get("/guests").await?;
    let guests: Vec<(Value, Guest)> = match raw {
        Value::Array(guests) => {
            let typed = guests.into_iter().map(|guest| Ok((guest.clone(), client.parse(&guest)?)));
            typed.collect::<Result<_, ClientError>>()?
        }
        other => client.parse::<Vec<Guest>>(&other).map(|_| Vec::new())?,
    };
    let several = guests.windows(2).any(|pair| pair[0].1.cluster != pair[1].1.cluster);
    let drifted: Vec<(Value, Guest)> =
        guests.into_iter().filter(|(_, guest)| !guest.drift.is_empty() || guest.problem.is_some()).collect();
    if out.is_json() {
        out.value(&drifted.iter().map(|(raw, _)| raw).collect::<Vec<_>>());
    } else if drifted.is_empty() {
        out.line("Everything is as declared.");
    } else {
        for (_, guest) in &drifted {
            write(guest, several, out);
        }
    }
    Ok(if args.detailed_exitcode && !drifted.is_empty() { Exit::Changes } else { Exit::Done })
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
    }
    if let Some(declaration) = guest.declaration {
        out.line(out.paint(Tone::Faint, format_args!("  propose a repair: mycopod plan --again {declaration}")));
    }
}
