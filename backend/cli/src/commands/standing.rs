//! `mycopod standing`: an Admin's yes in advance to mild repairs of a declaration.

use serde_json::{Value, json};

use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::Output;
use crate::show::Shown;

/// Of which declaration.
#[derive(clap::Args)]
pub struct Args {
    /// The declaration
    id: uuid::Uuid,
    /// Revoke it instead
    #[arg(long)]
    revoke: bool,
}

/// Gives or revokes it.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let path = format!("/declarations/{}/standing", args.id);
    let raw = if args.revoke { client.delete(&path).await? } else { client.post(&path, &json!({})).await? };
    if out.is_json() {
        out.value(&raw);
        return Ok(Exit::Done);
    }
    if args.revoke {
        out.line("The standing approval is revoked: every repair waits for a person.");
    } else {
        let shown = Shown::of(client, raw)?;
        let per_hour = shown.raw["standing"]["per_hour"].as_u64().unwrap_or_default();
        out.line(format_args!(
            "Repairs that take effect at once, or start a stopped guest, happen by themselves, up to {per_hour} within an \
             hour. All others wait for a person. Revoke it with mycopod standing {} --revoke.",
            args.id
        ));
    }
    Ok(Exit::Done)
}

/// A standing approval in a line.
pub fn line(standing: &Value) -> Option<String> {
    let by = standing["given_by"]["email"].as_str()?;
    if standing["stands"].as_bool()? {
        let (used, per_hour) = (standing["used"].as_u64()?, standing["per_hour"].as_u64()?);
        return Some(format!("Standing approval by {by}: {used} of {per_hour} repairs within the last hour."));
    }
    Some(format!("The standing approval by {by} has ended: {}", standing["ended_why"].as_str()?))
}
