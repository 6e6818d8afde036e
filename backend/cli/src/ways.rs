//! The ways to Proxmox VE clusters: of the settings' one, and of those that Admins add.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use metrics::counter;
use mycopod_core::cluster::{self, Access, Secret};
use mycopod_core::id::ClusterId;
use mycopod_core::keys::Keys;
use mycopod_core::ports::{Clock, Connector, Hypervisor};
use mycopod_pve::{Config, ConfigError, Credential, Pve, Trust};

/// How fresh the counter of requests to Proxmox is; scrapers ask every 15 s or so.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Makes ways to clusters, and counts what is sent on them.
pub struct Ways {
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    /// Each way with what was counted of it.
    made: Mutex<Vec<(Weak<Pve>, u64)>>,
}

impl Ways {
    /// None yet.
    pub fn new(keys: Arc<Keys>, clock: Arc<dyn Clock>) -> Self {
        Self { keys, clock, made: Mutex::default() }
    }

    /// A way to a cluster. Nothing is sent yet.
    pub fn make(&self, id: ClusterId, access: &Access, secret: &Secret) -> Result<Arc<Pve>, ConfigError> {
        let trust = match &access.trust {
            cluster::Trust::System => Trust::System,
            cluster::Trust::Ca(pem) => Trust::CaFile(pem.clone().into_bytes()),
            cluster::Trust::Pin(pin) => Trust::Pin(pin.parse()?),
        };
        let pve = Arc::new(Pve::connect(Config {
            url: access.urls.join(","),
            credential: Credential::of(access, secret),
            trust,
            pool: access.pool.clone(),
            marker_key: self.keys.marker_of(id),
            clock: Arc::clone(&self.clock),
        })?);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push((Arc::downgrade(&pve), 0));
        Ok(pve)
    }

    /// Keeps the counter of requests to Proxmox up to date, until it is aborted.
    pub async fn count(&self) {
        let mut ticks = tokio::time::interval(COUNT_EVERY);
        loop {
            ticks.tick().await;
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            made.retain_mut(|(way, counted)| {
                let Some(way) = way.upgrade() else { return false };
                counter!("mycopod_proxmox_requests_total").increment(way.calls() - *counted);
                *counted = way.calls();
                true
            });
        }
    }
}

impl Connector for Ways {
    fn connect(&self, id: ClusterId, access: &Access, secret: &Secret) -> Result<Arc<dyn Hypervisor>, String> {
        self.make(id, access, secret).map(|way| way as Arc<dyn Hypervisor>).map_err(|error| error.to_string())
    }
}
