//! `mycopod cluster`: which clusters there are; an Admin adds, tests and removes them.

use std::path::PathBuf;

use mycopod_core::cluster::ClusterName;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Cluster;
use crate::client::{Client, ClientError};
use crate::config::ClientConfig;
use crate::exit::Exit;
use crate::output::{Output, Text, Tone, note};
use crate::terminal;

/// What to do with clusters.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Add a cluster; its API token is asked for, or read from standard input
    #[command(
        after_help = "The token is USER@REALM!NAME=SECRET. It is never an argument, for other users of this machine \
                            see those; MYCOPOD_CLUSTER_TOKEN or --token-file may hold it."
    )]
    Add(Add),
    /// List the clusters
    List,
    /// Ask a cluster for its version and the token's privileges
    Test {
        /// Its name
        name: ClusterName,
    },
    /// Remove a cluster on which MycoPod looks after no guest; nothing on it is touched
    Remove {
        /// Its name
        name: ClusterName,
    },
}

#[derive(clap::Args)]
struct Add {
    /// What declarations shall call it, such as lab
    name: ClusterName,
    /// The API's address, such as `https://pve1.example.org:8006`; once for each host that may be asked
    #[arg(long, required = true)]
    url: Vec<String>,
    /// The cluster's certificate authority: a copy of /etc/pve/pve-root-ca.pem
    #[arg(long, conflicts_with = "pin")]
    ca_file: Option<PathBuf>,
    /// The SHA-256 of its certificate or public key
    #[arg(long)]
    pin: Option<String>,
    /// The pool that new guests join, where the token has its rights on a pool alone
    #[arg(long)]
    pool: Option<String>,
    /// A file with the token
    #[arg(long)]
    token_file: Option<PathBuf>,
}

/// What a cluster answered when it was tested.
#[derive(Deserialize)]
struct Tested {
    version: Text,
    missing: Vec<Missing>,
}

#[derive(Deserialize)]
struct Missing {
    path: Text,
    privilege: Text,
}

/// Does it.
pub async fn run(args: Args, config: &ClientConfig, out: Output) -> Result<Exit, ClientError> {
    let client = &Client::new(config)?;
    match args.command {
        Command::Add(args) => add(args, config.cluster_token.clone(), client, out).await,
        Command::List => list(client, out).await,
        Command::Test { name } => {
            let raw = client.post(&format!("/clusters/{name}/test"), &json!({})).await?;
            write_test(&raw, &format!("{name} answers"), client, out)
        }
        Command::Remove { name } => {
            client.delete(&format!("/clusters/{name}")).await?;
            if out.is_json() {
                out.value(&json!({ "removed": name }));
            } else {
                out.line(format_args!("The cluster {name} is removed. Nothing on it was touched."));
            }
            Ok(Exit::Done)
        }
    }
}

async fn add(args: Add, given: Option<SecretString>, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .map_err(|error| note(format_args!("error: {} cannot be read: {error}. Nothing was sent", path.display())))
    };
    let token = match args.token_file.as_ref().map(read) {
        Some(Err(())) => return Ok(Exit::Usage),
        Some(Ok(token)) => Some(SecretString::from(token)),
        None if given.is_some() => given,
        None => terminal::ask_secret(format!("API token for {}: ", args.name)).await.ok().flatten(),
    };
    let Some(token) = token.filter(|token| !token.expose_secret().trim().is_empty()) else {
        note("error: no API token was given. Nothing was sent");
        return Ok(Exit::Usage);
    };
    let ca = match args.ca_file.as_ref().map(read) {
        Some(Err(())) => return Ok(Exit::Usage),
        Some(Ok(pem)) => Some(pem),
        None => None,
    };
    let body = json!({
        "name": args.name, "urls": args.url, "token": token.expose_secret().trim(), "ca": ca, "pin": args.pin,
        "pool": args.pool,
    });
    let raw = client.post("/clusters", &body).await?;
    write_test(&raw, &format!("The cluster {} is added", args.name), client, out)
}

/// Writes what a test found. Missing privileges are no error: a token may be meant to do less.
fn write_test(raw: &Value, headline: &str, client: &Client, out: Output) -> Result<Exit, ClientError> {
    if out.is_json() {
        out.value(raw);
        return Ok(Exit::Done);
    }
    let tested: Tested = client.parse(raw)?;
    out.line(format_args!("{headline}: Proxmox VE {}.", tested.version));
    if tested.missing.is_empty() {
        out.line("Its token may do all that plans need.");
    } else {
        out.line(out.paint(Tone::Notice, "Its token lacks these; docs/DEPLOYMENT.md shows how to grant them:"));
        for missing in &tested.missing {
            out.line(format_args!("  {} {}", missing.path, missing.privilege));
        }
    }
    Ok(Exit::Done)
}

async fn list(client: &Client, out: Output) -> Result<Exit, ClientError> {
    let raw = client.get("/clusters").await?;
    if out.is_json() {
        out.value(&raw);
        return Ok(Exit::Done);
    }
    let clusters: Vec<Cluster> = client.parse(&raw)?;
    let rows: Vec<_> = clusters
        .iter()
        .map(|cluster| {
            let tone = match cluster.state.as_str() {
                "seen" => None,
                "unreachable" => Some(Tone::Bad),
                _ => Some(Tone::Notice),
            };
            let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
            let row = [
                cluster.name.to_string(),
                cluster.state.to_string(),
                cluster.version.as_ref().map_or_else(String::new, ToString::to_string),
                number(cluster.nodes),
                number(cluster.guests),
                cluster.age_seconds.map_or_else(|| "never".to_owned(), |age| format!("{age} s")),
                cluster.access.as_ref().map_or_else(String::new, |access| {
                    access.urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
                }),
                cluster.detail.as_ref().map_or_else(String::new, ToString::to_string),
            ];
            (tone, row)
        })
        .collect();
    out.table(["NAME", "STATE", "VERSION", "NODES", "GUESTS", "SEEN", "HOSTS", "DETAIL"], &rows);
    Ok(Exit::Done)
}
