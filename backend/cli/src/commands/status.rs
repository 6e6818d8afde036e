//! `mycopod status`: where declarations stand.

use crate::api::Listed;
use crate::client::{Client, ClientError};
use crate::commands::freeze;
use crate::exit::Exit;
use crate::output::Output;
use crate::show::{Shown, status};

/// The longest part of a declaration that a table shows, in characters.
const EXCERPT: usize = 60;

/// Of which declarations.
#[derive(clap::Args)]
pub struct Args {
    /// One declaration in full; without it the latest ones in a table
    id: Option<uuid::Uuid>,
    /// How many to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// With a declaration: wait until nothing is under way with it
    #[arg(long, requires = "id")]
    wait: bool,
    /// With a declaration: exit with 2 where there are changes to make
    #[arg(long, requires = "id")]
    detailed_exitcode: bool,
}

/// Shows one or lists the latest.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    freeze::tell(client).await;
    if let Some(id) = args.id {
        let mut shown = Shown::fetch(client, &id.to_string()).await?;
        if args.wait {
            shown = shown.carried_out(client).await?;
        }
        return Ok(shown.write(out, args.detailed_exitcode));
    }
    let raw = client.get(&format!("/declarations?limit={}", args.limit)).await?;
    if out.is_json() {
        out.value(&raw);
        return Ok(Exit::Done);
    }
    let listed: Vec<Listed> = client.parse(&raw)?;
    let rows: Vec<_> = listed
        .iter()
        .map(|listed| {
            let (name, tone) = status(listed.status);
            let first = listed.content.as_str().lines().next().unwrap_or_default();
            let mut excerpt: String = first.chars().take(EXCERPT).collect();
            if excerpt.len() < listed.content.as_str().len() {
                excerpt.push('…');
            }
            let made = listed.created_at.format("%Y-%m-%d %H:%M").to_string();
            let (cluster, by) = (listed.cluster.to_string(), listed.author.email.to_string());
            (Some(tone), [listed.id.to_string(), name, cluster, made, by, excerpt])
        })
        .collect();
    if rows.windows(2).any(|pair| pair[0].1[2] != pair[1].1[2]) {
        out.table(["ID", "STATUS", "CLUSTER", "MADE (UTC)", "BY", "DECLARATION"], &rows);
    } else {
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(tone, [id, status, _, made, by, excerpt])| (tone, [id, status, made, by, excerpt]))
            .collect();
        out.table(["ID", "STATUS", "MADE (UTC)", "BY", "DECLARATION"], &rows);
    }
    Ok(Exit::Done)
}
