//! `mycopod secret`: values that declarations name and never contain, as an Admin.

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, Text, note};
use crate::terminal;

/// What to do with secrets.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Set a secret; its value is asked for, or read from standard input
    Set {
        /// What declarations shall call it: “password from secret NAME”
        #[arg(value_parser = name)]
        name: String,
    },
    /// List the secrets; values are never shown
    List,
    /// Forget a secret; guests that were given it keep it
    Remove {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
    },
}

#[derive(Deserialize)]
struct Line {
    name: Text,
    changed_at: DateTime<Utc>,
    changed_by: Text,
}

/// Does it.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    match args.command {
        Command::Set { name } => {
            let Some(value) = terminal::ask_secret(format!("Value of {name}: ")).await.ok().flatten() else {
                note("error: no value was given. Nothing was stored");
                return Ok(Exit::Usage);
            };
            client.put(&format!("/secrets/{name}"), &json!({ "value": value.expose_secret() })).await?;
            if out.is_json() {
                out.value(&json!({ "set": name }));
            } else {
                out.line(format_args!("The secret {name} is set. Say “password from secret {name}” in a declaration."));
            }
        }
        Command::List => {
            let raw = client.get("/secrets").await?;
            if out.is_json() {
                out.value(&raw);
                return Ok(Exit::Done);
            }
            let lines: Vec<Line> = client.parse(&raw)?;
            let rows: Vec<_> = lines
                .iter()
                .map(|line| {
                    let at = line.changed_at.format("%Y-%m-%d %H:%M").to_string();
                    (None, [line.name.to_string(), at, line.changed_by.to_string()])
                })
                .collect();
            out.table(["NAME", "SET (UTC)", "BY"], &rows);
        }
        Command::Remove { name } => {
            client.delete(&format!("/secrets/{name}")).await?;
            if out.is_json() {
                out.value(&json!({ "removed": name }));
            } else {
                out.line(format_args!("The secret {name} is forgotten. Guests that were given it keep it."));
            }
        }
    }
    Ok(Exit::Done)
}

/// A name that is one segment of a path; the rest the server checks.
fn name(text: &str) -> Result<String, &'static str> {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    plain.then(|| text.to_owned()).ok_or("a secret’s name has letters, digits, dots, dashes and underscores")
}
