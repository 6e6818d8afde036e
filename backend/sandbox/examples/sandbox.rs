//! Runs a sandbox until it is interrupted:
//! `sandbox --listen 127.0.0.1:8006 --token 'root@pam!lab=SECRET' --world demo --time-scale 1 --ca-out ca.pem --data DIR --guests N --control 127.0.0.1:8007`

use std::path::PathBuf;

use mycopod_sandbox::{Options, Sandbox, World};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut options = Options {
        listen: ([127, 0, 0, 1], 8006).into(),
        world: World::Demo,
        token: None,
        time_scale: 1.0,
        data_dir: None,
    };
    let mut ca_out = None;
    let mut control = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--listen" => options.listen = value.parse()?,
            "--token" => options.token = Some(value),
            "--world" => {
                options.world = match value.as_str() {
                    "demo" => World::Demo,
                    "empty" => World::Empty,
                    file => World::File(PathBuf::from(file)),
                }
            }
            "--time-scale" => options.time_scale = value.parse()?,
            "--data" => options.data_dir = Some(PathBuf::from(value)),
            "--guests" => options.world = World::Crowd(value.parse()?),
            "--control" => control = Some(value.parse()?),
            "--ca-out" => ca_out = Some(PathBuf::from(value)),
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }
    let sandbox = Sandbox::start(options).await?;
    if let Some(path) = ca_out {
        std::fs::write(path, sandbox.ca_pem())?;
    }
    eprintln!("{} {}", sandbox.url(), sandbox.token());
    if let Some(address) = control {
        eprintln!("faults on demand: http://{}", sandbox.control(address).await?);
    }
    tokio::signal::ctrl_c().await?;
    sandbox.shutdown().await;
    Ok(())
}
