//! `mycopod approve`: an Admin's yes to a plan.

use std::collections::BTreeSet;

use mycopod_core::status::DeclarationStatus;
use serde_json::json;

use crate::client::{Client, ClientError};
use crate::commands::freeze;
use crate::exit::Exit;
use crate::output::{Output, note};
use crate::show::{Shown, destroyed};
use crate::terminal;

/// Which plan, and what is agreed to.
#[derive(clap::Args)]
pub struct Args {
    /// The declaration
    id: uuid::Uuid,
    /// Approve without being asked
    #[arg(long)]
    yes: bool,
    /// A guest that the plan destroys, by name; all of them have to be named
    #[arg(long, value_name = "NAME", num_args = 1..)]
    destroy: Vec<String>,
    /// The digest of the plan that was looked at; another plan is not approved
    #[arg(long)]
    digest: Option<String>,
    /// Let repairs that take effect at once happen by themselves from now on
    #[arg(long)]
    standing: bool,
    /// Do not wait until it is carried out
    #[arg(long)]
    no_wait: bool,
}

/// Shows the plan, asks, approves and follows it.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let shown = Shown::fetch(client, &args.id.to_string()).await?.settled(client).await?;
    let Some(plan) = &shown.declaration.plan else {
        note("There is no plan to approve.");
        return Ok(shown.write(out, true));
    };
    if shown.declaration.status != DeclarationStatus::AwaitingApproval {
        note(format_args!(
            "The declaration is {}: there is no plan that waits for approval.",
            shown.declaration.status
        ));
        return Ok(shown.write(out, true));
    }
    if args.digest.as_ref().is_some_and(|digest| *digest != plan.digest) {
        note("This is not the plan that was looked at. Nothing was approved.");
        shown.write(out, true);
        return Ok(Exit::Stale);
    }
    let mut destroy: BTreeSet<String> = args.destroy.into_iter().collect();
    if !args.yes {
        if !terminal::is_attended() {
            note("Nobody is there to be asked: say --yes, and --destroy NAME for each guest to be destroyed.");
            return Ok(Exit::Usage);
        }
        shown.write(out, true);
        if !agreed(&destroyed(plan), &mut destroy).await {
            note("Nothing was approved.");
            return Ok(Exit::CalledOff);
        }
    }
    let body = json!({ "plan_digest": plan.digest, "destroy": destroy, "standing": args.standing });
    let confirmed = match client.post(&format!("/declarations/{}/confirm", args.id), &body).await {
        Err(ClientError::Problem(mut problem)) if problem.declaration.is_some() => {
            note(format_args!("error: {}", problem.detail));
            let now = Shown::of(client, problem.declaration.take().unwrap_or_default())?;
            now.write(out, true);
            let is_this_plan = now.declaration.plan.as_ref().is_some_and(|now| now.digest == plan.digest);
            // The plan that was shown still holds: something else was wrong, such as a name in --destroy.
            return Ok(if is_this_plan { Exit::Error } else { Exit::Stale });
        }
        confirmed => Shown::of(client, confirmed?)?,
    };
    freeze::tell(client).await;
    let confirmed = if args.no_wait { confirmed } else { confirmed.carried_out(client).await? };
    Ok(confirmed.write_outcome(out))
}

/// Asks for the name of each guest that would be destroyed, or else for a yes.
async fn agreed(destroyed: &BTreeSet<String>, named: &mut BTreeSet<String>) -> bool {
    let mut asked = false;
    for name in destroyed {
        if named.contains(name) {
            continue;
        }
        asked = true;
        match terminal::ask(format!("\n{name} will be destroyed with its disks. Type its name to agree: ")).await {
            Ok(Some(typed)) if typed.trim() == name => named.insert(name.clone()),
            _ => return false,
        };
    }
    if asked {
        return true;
    }
    matches!(terminal::ask("\nApprove this plan? [y/N] ".to_owned()).await, Ok(Some(typed)) if matches!(typed.trim(), "y" | "Y" | "yes"))
}
