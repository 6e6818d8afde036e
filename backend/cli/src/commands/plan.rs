//! `mycopod plan`: shows a plan, or makes a new one.

use serde_json::json;

use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::Output;
use crate::show::Shown;

/// Which plan.
#[derive(clap::Args)]
pub struct Args {
    /// The declaration
    id: uuid::Uuid,
    /// Plan again from what is: after stale, blocked or failed, or to repair drift
    #[arg(long)]
    again: bool,
    /// Exit with 2 where there are changes to make
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Shows the declaration with its plan.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let shown = if args.again {
        let planned = client.post(&format!("/declarations/{}/plan", args.id), &json!({})).await?;
        Shown::of(client, planned)?
    } else {
        Shown::fetch(client, &args.id.to_string()).await?
    };
    Ok(shown.settled(client).await?.write(out, args.detailed_exitcode))
}
