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
    /// Add a cluster; its API token, or its user's password, is asked for or read from standard input
    #[command(
        after_help = "The token is USER@REALM!NAME=SECRET. Neither it nor a password is an argument, for other users of \
                            this machine see those; MYCOPOD_CLUSTER_TOKEN or --token-file, MYCOPOD_CLUSTER_PASSWORD or \
                            --password-file may hold it."
    )]
    Add(Add),
    /// List the clusters
    List,
    /// Ask a cluster for its version and our privileges there
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
    /// Log in as this user, such as root@pam, with the password, and not by an API token
    #[arg(long, conflicts_with = "token_file")]
    user: Option<String>,
    /// A file with the user's password
    #[arg(long, requires = "user")]
    password_file: Option<PathBuf>,
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
        Command::Add(args) => add(args, config, client, out).await,
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

async fn add(args: Add, config: &ClientConfig, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .map_err(|error| note(format_args!("error: {} cannot be read: {error}. Nothing was sent", path.display())))
    };
    let (what, file, given) = match &args.user {
        Some(_) => ("password", &args.password_file, &config.cluster_password),
        None => ("API token", &args.token_file, &config.cluster_token),
    };
    let secret = match file.as_ref().map(read) {
        Some(Err(())) => return Ok(Exit::Usage),
        Some(Ok(secret)) => Some(SecretString::from(secret)),
        None if given.is_some() => given.clone(),
        None => {
            let whose =
                args.user.as_deref().map_or_else(|| args.name.to_string(), |user| format!("{user} on {}", args.name));
            let prompt = format!("{what} for {whose}: ");
            terminal::ask_secret(prompt).await.ok().flatten()
        }
    };
    let Some(secret) = secret.filter(|secret| !secret.expose_secret().trim().is_empty()) else {
        note(format_args!("error: no {what} was given. Nothing was sent"));
        return Ok(Exit::Usage);
    };
    // A file ends with a line break that is no part of a password; blanks may be.
    let secret = secret.expose_secret().trim_end_matches(['\r', '\n']);
    let login = match &args.user {
        Some(user) => json!({ "user": user, "password": secret }),
        None => json!({ "token": secret.trim() }),
    };
    let ca = match args.ca_file.as_ref().map(read) {
        Some(Err(())) => return Ok(Exit::Usage),
        Some(Ok(pem)) => Some(pem),
        None => None,
    };
    let mut body = json!({ "name": args.name, "urls": args.url, "ca": ca, "pin": args.pin, "pool": args.pool });
    if let (Some(body), Some(login)) = (body.as_object_mut(), login.as_object()) {
        body.extend(login.clone());
    }
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
        out.line("What MycoPod logs in with may do all that plans need.");
    } else {
        out.line(
            out.paint(
                Tone::Notice,
                "What MycoPod logs in with lacks these; docs/DEPLOYMENT.md shows how to grant them:",
            ),
        );
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
