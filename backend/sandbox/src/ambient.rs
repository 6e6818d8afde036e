//! The one place where the sandbox reads the clock and draws randomness.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch, with fractions.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// `N` random bytes; all zero when the system has no randomness to give.
#[expect(clippy::disallowed_methods, reason = "the one place that draws randomness")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::fill(&mut bytes).is_err() {
        tracing::error!("the system gives no randomness");
    }
    bytes
}

/// A random (version 4) UUID in Proxmox's spelling.
pub fn uuid() -> String {
    uuid::Builder::from_random_bytes(random()).into_uuid().to_string()
}

/// A random MAC address under the prefix that Proxmox registered for guests.
pub fn mac() -> String {
    let [a, b, c] = random::<3>();
    format!("BC:24:11:{a:02X}:{b:02X}:{c:02X}")
}
