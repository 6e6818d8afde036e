//! `mycopod cancel`: calls a declaration off.

use serde_json::json;

use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::Output;
use crate::show::Shown;

/// Which declaration.
#[derive(clap::Args)]
pub struct Args {
    /// The declaration
    id: uuid::Uuid,
}

/// Calls it off; a step that is under way is finished.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let cancelled = client.post(&format!("/declarations/{}/cancel", args.id), &json!({})).await?;
    Ok(match Shown::of(client, cancelled)?.write(out, false) {
        // That is what was asked for.
        Exit::CalledOff => Exit::Done,
        other => other,
    })
}
