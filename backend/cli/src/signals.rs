//! SIGINT and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::output::note;

/// A token that the first SIGINT or SIGTERM cancels. A second one ends the process at
/// once: what was acknowledged is in the database, and the next start goes on there.
#[must_use]
pub fn stop() -> CancellationToken {
    let stop = CancellationToken::new();
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            let stop = stop.clone();
            tokio::spawn(async move {
                let mut next = async || tokio::select! { _ = interrupt.recv() => 130, _ = terminate.recv() => 143 };
                next().await;
                stop.cancel();
                std::process::exit(next().await);
            });
        }
        (Err(error), _) | (_, Err(error)) => note(format_args!("signals cannot be caught: {error}")),
    }
    stop
}
