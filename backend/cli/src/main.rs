//! `mycopod`: the server and its client in one binary.

mod api;
mod ask;
mod client;
mod commands;
mod config;
mod exit;
mod files;
mod mark;
mod output;
mod show;
mod signals;
mod terminal;
mod verify;
mod ways;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::client::{Client, ClientError};
use crate::commands::{
    answer, approve, audit, cancel, cluster, declare, doctor, drift, edit, export, freeze, guests, login, plan, prune,
    sandbox, secret, serve, standing, status, upload, user,
};
use crate::config::ClientConfig;
use crate::exit::Exit;
use crate::output::{Output, note};

/// Declare the guests of a Proxmox VE cluster in your own words.
#[derive(Parser)]
#[command(version, propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Write JSON, on a terminal too
    #[arg(long, global = true, conflicts_with = "text")]
    json: bool,
    /// Write text for people, into a pipe too
    #[arg(long, global = true)]
    text: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 done or nothing to do, 1 error, 2 changes (with --detailed-exitcode), \
3 needs an answer, 4 refused, 5 stale, 6 blocked, 7 a step failed, 8 not allowed, 9 unreachable, 10 called off, \
11 not verified, 64 usage.";

#[derive(Subcommand)]
enum Command {
    /// Run the server: API, UI and the work behind them
    Serve(serve::Args),
    /// Log in to a server and keep the session
    Login(login::Args),
    /// Declare what shall be, and see what was understood and what would be done
    Declare(declare::Args),
    /// Answer a declaration's questions
    Answer(answer::Args),
    /// Set a field of a declaration while its plan waits for approval, or take that back
    Edit(edit::Args),
    /// Show a declaration's plan, plan again from what is, or compare files with the cluster
    Plan(plan::Args),
    /// Approve a plan and see it carried out
    Approve(approve::Args),
    /// Call a declaration off
    Cancel(cancel::Args),
    /// Show where declarations stand
    Status(status::Args),
    /// List the guests of the cluster
    Guests(guests::Args),
    /// List what is no longer as declared
    Drift(drift::Args),
    /// Write guests as files: typed intents, or Terraform
    Export(export::Args),
    /// Let repairs that take effect at once happen by themselves, or no longer (Admin)
    Standing(standing::Args),
    /// Apply nothing for a while; reading and planning go on (Admin)
    Freeze(freeze::Args),
    /// Lift a freeze (Admin)
    Unfreeze(freeze::UnfreezeArgs),
    /// Archive and remove the ledger of declarations that ended long ago (Admin)
    Prune(prune::Args),
    /// Read, export and verify the audit log
    Audit(audit::Args),
    /// Look after clusters
    Cluster(cluster::Args),
    /// Look after secrets, such as the passwords that new guests get
    Secret(secret::Args),
    /// Send an image or a template to a storage, as an Admin
    Upload(upload::Args),
    /// Look after users
    User(user::Args),
    /// Run the sandbox cluster alone
    Sandbox(sandbox::Args),
    /// Check the database, Proxmox and the token's privileges
    Doctor(doctor::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where the terminal is gone there is nobody to tell.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { Exit::Done } else { Exit::Usage }.into();
        }
    };
    // One provider for every TLS connection of the process; only the first call counts.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(format_args!("the system gives no threads: {error}"));
            return Exit::Error.into();
        }
    };
    let exit = runtime.block_on(run(cli));
    // A prompt that was interrupted still waits for its line.
    runtime.shutdown_background();
    exit.into()
}

async fn run(cli: Cli) -> Exit {
    let config = match ClientConfig::load() {
        Ok(config) => config,
        Err(error) => {
            note(format_args!("error: {error}"));
            return Exit::Error;
        }
    };
    let out = Output::new(cli.json, cli.text, config.no_color);
    let ended = match cli.command {
        Command::Serve(args) => return serve::run(args).await,
        Command::Sandbox(args) => return sandbox::run(args).await,
        Command::Doctor(args) => return doctor::run(args, out).await,
        command => client_command(command, &config, out).await,
    };
    ended.unwrap_or_else(|error| {
        note(format_args!("error: {error}"));
        error.exit()
    })
}

async fn client_command(command: Command, config: &ClientConfig, out: Output) -> Result<Exit, ClientError> {
    // Verifying an export needs no server, so the audit commands make their own client.
    let client = || Client::new(config);
    match command {
        Command::Login(args) => login::run(args, config, out).await,
        Command::Declare(args) => declare::run(args, &client()?, out).await,
        Command::Answer(args) => answer::run(args, &client()?, out).await,
        Command::Edit(args) => edit::run(args, &client()?, out).await,
        Command::Plan(args) => plan::run(args, &client()?, out).await,
        Command::Approve(args) => approve::run(args, &client()?, out).await,
        Command::Cancel(args) => cancel::run(args, &client()?, out).await,
        Command::Status(args) => status::run(args, &client()?, out).await,
        Command::Guests(args) => guests::run(args, &client()?, out).await,
        Command::Drift(args) => drift::run(args, &client()?, out).await,
        Command::Export(args) => export::run(args, &client()?, out).await,
        Command::Standing(args) => standing::run(args, &client()?, out).await,
        Command::Freeze(args) => freeze::freeze(args, &client()?, out).await,
        Command::Unfreeze(args) => freeze::unfreeze(args, &client()?, out).await,
        Command::Prune(args) => prune::run(args, &client()?, out).await,
        Command::Audit(args) => audit::run(args, config, out).await,
        Command::Cluster(args) => cluster::run(args, config, out).await,
        Command::Secret(args) => secret::run(args, &client()?, out).await,
        Command::Upload(args) => upload::run(args, &client()?, out).await,
        Command::User(args) => user::run(args, &client()?, out).await,
        Command::Serve(_) | Command::Sandbox(_) | Command::Doctor(_) => Ok(Exit::Usage),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
