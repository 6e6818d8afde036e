//! `mycopod sandbox`: the sandbox cluster alone, in memory.

use std::net::SocketAddr;
use std::path::PathBuf;

use mycopod_sandbox::{Options, Sandbox, World};

use crate::config::time_scale;
use crate::exit::Exit;
use crate::output::note;
use crate::signals;

/// More guests than anybody has on one cluster, and as many as a machine has memory for.
const MOST_GUESTS: i64 = 100_000;

/// Where and how it runs.
#[derive(clap::Args)]
pub struct Args {
    /// Where its API listens; port 0 is any free one
    #[arg(long, default_value = "127.0.0.1:8006")]
    listen: SocketAddr,
    /// root@pam!NAME=SECRET; without one a token is made and shown
    #[arg(long)]
    token: Option<String>,
    /// demo, empty, or a file with a world
    #[arg(long, default_value = "demo", value_parser = world)]
    world: World,
    /// A world of so many guests instead, on a node for every five hundred
    #[arg(long, conflicts_with = "world", value_parser = clap::value_parser!(u32).range(1..=MOST_GUESTS))]
    guests: Option<u32>,
    /// Multiplies durations and lags: 1 is real, 0 at once
    #[arg(long, default_value = "1", value_parser = time_scale)]
    time_scale: f64,
    /// Write the certificate of its authority to this file, for `PROXMOX_CA_FILE`
    #[arg(long)]
    ca_out: Option<PathBuf>,
    /// Serve faults on demand here, over plain HTTP; a loopback address
    #[arg(long)]
    control: Option<SocketAddr>,
}

#[expect(clippy::unnecessary_wraps, reason = "clap's parsers may fail")]
fn world(text: &str) -> Result<World, String> {
    Ok(match text {
        "demo" => World::Demo,
        "empty" => World::Empty,
        file => World::File(PathBuf::from(file)),
    })
}

/// Runs it until it is told to stop.
pub async fn run(args: Args) -> Exit {
    let stop = signals::stop();
    let own_token = args.token.is_none();
    let options = Options {
        listen: args.listen,
        world: args.guests.map_or(args.world, World::Crowd),
        token: args.token,
        time_scale: args.time_scale,
        data_dir: None,
    };
    let running = match Sandbox::start(options).await {
        Ok(running) => running,
        Err(error) => {
            note(format_args!("error: {error}"));
            return Exit::Error;
        }
    };
    if let Some(path) = &args.ca_out
        && let Err(error) = std::fs::write(path, running.ca_pem())
    {
        note(format_args!("error: {} cannot be written: {error}", path.display()));
        return Exit::Error;
    }
    note(format_args!("Sandbox: {} (in memory; ends with Ctrl-C)", running.url()));
    if let Some(address) = args.control {
        match running.control(address).await {
            Ok(bound) => note(format_args!("Faults on demand: http://{bound}")),
            Err(error) => {
                note(format_args!("error: {error}"));
                return Exit::Error;
            }
        }
    }
    if own_token {
        note(format_args!("Token: {}", running.token()));
    }
    stop.cancelled().await;
    running.shutdown().await;
    Exit::Done
}
