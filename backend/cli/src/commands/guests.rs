//! `mycopod guests`: what is on the cluster.

use crate::api::Guest;
use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, Tone};

/// Which guests.
#[derive(clap::Args)]
pub struct Args {
    /// Templates too
    #[arg(long)]
    templates: bool,
    /// Only guests that MycoPod manages
    #[arg(long)]
    managed: bool,
}

/// Whether the guests are on more than one cluster.
pub fn several(guests: &[Guest]) -> bool {
    guests.windows(2).any(|pair| pair[0].cluster != pair[1].cluster)
}

/// Where a guest is: its node, and with several clusters `CLUSTER/NODE`.
pub fn place(guest: &Guest, several: bool) -> String {
    if several { format!("{}/{}", guest.cluster, guest.node) } else { guest.node.to_string() }
}

/// Lists them.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let raw = client.get("/guests").await?;
    if out.is_json() {
        out.value(&raw);
        return Ok(Exit::Done);
    }
    let guests: Vec<Guest> = client.parse(&raw)?;
    let several = several(&guests);
    let wanted = guests.iter().filter(|guest| (args.templates || !guest.template) && (!args.managed || guest.managed));
    let rows: Vec<_> = wanted
        .map(|guest| {
            let (tone, state) = match &guest.problem {
                Some(problem) => (Some(Tone::Bad), problem.to_string()),
                None if !guest.drift.is_empty() => {
                    (Some(Tone::Notice), format!("drift in {} fields", guest.drift.len()))
                }
                None if guest.managed => (None, "as declared".to_owned()),
                None => (Some(Tone::Faint), "not managed".to_owned()),
            };
            let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
            let row = [
                guest.vmid.to_string(),
                if guest.kind.as_str() == "qemu" { "VM" } else { "CT" }.to_owned(),
                guest.name.to_string(),
                place(guest, several),
                if guest.template { "template".to_owned() } else { guest.status.to_string() },
                number(guest.cores),
                number(guest.memory_mib),
                guest.disk_gib.map_or_else(String::new, |gib| gib.to_string()),
                format!("{:.0} s", guest.age_seconds),
                state,
            ];
            (tone, row)
        })
        .collect();
    out.table(["VMID", "KIND", "NAME", "NODE", "STATUS", "CORES", "MIB", "DISK GIB", "SEEN", "STATE"], &rows);
    Ok(Exit::Done)
}
