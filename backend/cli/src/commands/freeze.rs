//! `mycopod freeze` and `mycopod unfreeze`: nothing is applied for a while.

use chrono::{DateTime, Utc};
use mycopod_core::cluster::ClusterName;
use serde::Deserialize;
use serde_json::json;

use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, Text, note};

/// What to freeze, and why.
#[derive(clap::Args)]
pub struct Args {
    /// Why: everybody reads it while nothing is applied
    why: String,
    /// Only this cluster
    #[arg(long)]
    cluster: Option<ClusterName>,
}

/// What to unfreeze.
#[derive(clap::Args)]
pub struct UnfreezeArgs {
    /// Only this cluster's own freeze
    #[arg(long)]
    cluster: Option<ClusterName>,
}

/// A freeze that stands.
#[derive(Debug, Deserialize)]
struct Freeze {
    cluster: Option<Text>,
    by: Text,
    at: DateTime<Utc>,
    why: Text,
}

/// Freezes.
pub async fn freeze(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let raw = client.post("/freezes", &json!({ "cluster": args.cluster, "why": args.why })).await?;
    if out.is_json() {
        out.value(&raw);
    } else {
        out.line("Frozen: no step begins. Reading and planning go on; steps that were under way end. Lift it with mycopod unfreeze.");
    }
    Ok(Exit::Done)
}

/// Unfreezes.
pub async fn unfreeze(args: UnfreezeArgs, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let query = args.cluster.as_ref().map(|name| format!("?cluster={name}")).unwrap_or_default();
    client.delete(&format!("/freezes{query}")).await?;
    if out.is_json() {
        out.value(&json!({ "unfrozen": args.cluster }));
    } else {
        out.line("The freeze is lifted: what was approved is carried out.");
        tell(client).await;
    }
    Ok(Exit::Done)
}

/// Tells, beside a command's output, which freezes stand. What went wrong the command itself finds.
pub async fn tell(client: &Client) {
    let Ok(raw) = client.get("/freezes").await else { return };
    let freezes: Vec<Freeze> = client.parse(&raw).unwrap_or_default();
    for Freeze { cluster, by, at, why } in freezes {
        let what = cluster.map_or_else(|| "All clusters are".to_owned(), |name| format!("Cluster {name} is"));
        let at = at.format("%Y-%m-%d %H:%M UTC");
        note(format_args!("{what} frozen since {at} by {by}: {why}. Nothing is applied there."));
    }
}
