//! `mycopod doctor`: checks what the server would need, before it does.

use std::path::Path;
use std::sync::Arc;

use mycopod_core::cluster::{Access, Trust};
use mycopod_core::id::ClusterId;
use mycopod_core::keys::Keys;
use mycopod_core::ports::{CallError, Clock, Health, Hypervisor};
use mycopod_engine::clock::SystemClock;
use mycopod_language::Part;
use mycopod_store::private::{PrivateServer, PrivateServerError};
use serde::Serialize;

use crate::config::{self, Config, Proxmox, Reader};
use crate::exit::Exit;
use crate::output::{Output, Tone};
use crate::ways::Ways;

/// There are no options: settings are the server's.
#[derive(clap::Args)]
pub struct Args;

/// What a check found.
#[derive(Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    detail: String,
    /// Privileges that we lack, as `PATH PRIVILEGE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

impl Finding {
    fn good(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, ok: true, detail: detail.into(), missing: Vec::new() }
    }

    fn bad(check: &'static str, detail: &(impl std::fmt::Display + ?Sized)) -> Self {
        Self { check, ok: false, detail: detail.to_string(), missing: Vec::new() }
    }
}

/// Checks the settings, the database, and Proxmox with certificate and privileges.
pub async fn run(Args: Args, out: Output) -> Exit {
    let findings = match Config::load(Path::new(".")) {
        Err(error) => vec![Finding::bad("settings", &error)],
        Ok(config) => {
            let mut findings = vec![Finding::good("settings", reader(&config.reader)), database(&config).await];
            findings.extend(proxmox(&config).await);
            findings
        }
    };
    if out.is_json() {
        out.value(&findings);
    } else {
        for finding in &findings {
            let mark = if finding.ok { out.paint(Tone::Good, "ok  ") } else { out.paint(Tone::Bad, "FAIL") };
            out.line(format_args!("{mark}  {:<11} {}", finding.check, finding.detail));
            for missing in &finding.missing {
                out.line(format_args!("                  {missing}"));
            }
        }
    }
    if findings.iter().all(|finding| finding.ok) { Exit::Done } else { Exit::Error }
}

fn reader(reader: &Reader) -> String {
    match reader {
        Reader::BuiltIn => "declarations are read by the built-in reader".to_owned(),
        Reader::OpenAi(config, part, _) => {
            let (model, url) = (&config.model, &config.base_url);
            match part {
                Part::Leftover => {
                    format!("declarations are read by the built-in reader, and what it leaves over by {model} at {url}")
                }
                Part::Agree => format!("declarations are read by the built-in reader and by {model} at {url}"),
                Part::Alone => format!("declarations are read by {model} at {url}"),
            }
        }
    }
}

async fn database(config: &Config) -> Finding {
    const CHECK: &str = "database";
    let Some(options) = config.database() else { return private_database(&config.data_dir).await };
    match mycopod_store::connect(options).await {
        Err(error) => Finding::bad(CHECK, &error),
        Ok(pool) => {
            let version =
                sqlx::query_scalar::<_, String>("SELECT current_setting('server_version')").fetch_one(&pool).await;
            pool.close().await;
            match version {
                Ok(version) => Finding::good(CHECK, format!("PostgreSQL {version} answers")),
                Err(error) => Finding::bad(CHECK, &error),
            }
        }
    }
}

/// A private server is started and stopped for the check, but none is made.
async fn private_database(data_dir: &Path) -> Finding {
    const CHECK: &str = "database";
    if !data_dir.join("pg/data").exists() {
        let detail = format!("private; `mycopod serve` will make it in {}", data_dir.join("pg").display());
        return Finding::good(CHECK, detail);
    }
    match PrivateServer::start(data_dir).await {
        Err(PrivateServerError::InUse { .. }) => Finding::good(CHECK, "private; a running MycoPod uses it"),
        Err(error) => Finding::bad(CHECK, &error),
        Ok(server) => match server.stop().await {
            Ok(()) => Finding::good(CHECK, "private; it starts and stops"),
            Err(error) => Finding::bad(CHECK, &error),
        },
    }
}

async fn proxmox(config: &Config) -> Vec<Finding> {
    let Some(Proxmox { access, secret }) = &config.proxmox else {
        return vec![Finding::good("proxmox", "PROXMOX_API_URL is not set: `mycopod serve` runs the sandbox cluster")];
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Nothing is marked here, so a server that never started gets no secret by this check.
    let keys = match config.secret_file.exists().then(|| config::secret(&config.secret_file, clock.as_ref())) {
        None => Keys::derive(&[0; 32]),
        Some(Ok(secret)) => Keys::derive(&secret),
        Some(Err(error)) => return vec![Finding::bad("secret", &error)],
    };
    let pve = match Ways::new(Arc::new(keys), clock).make(ClusterId::FIRST, access, secret) {
        Err(error) => return vec![Finding::bad("proxmox", &error)],
        Ok(pve) => pve,
    };
    let mut findings = checked(pve.health().await, access);
    let hosts = pve.check_hosts().await;
    if hosts.len() > 1 {
        findings.extend(hosts.into_iter().map(|(host, end)| match end {
            Ok(()) => Finding::good("host", format!("{host} answers, and is of the cluster")),
            Err(error) => Finding::bad("host", &format!("{host}: {error}")),
        }));
    }
    findings
}

/// What the way to Proxmox as a whole is like.
fn checked(health: Result<Health, CallError>, access: &Access) -> Vec<Finding> {
    match health {
        Err(error @ CallError::NotSent(_)) => {
            let hint = match &access.trust {
                Trust::System => {
                    "Where its certificate is the cluster’s own, set PROXMOX_CA_FILE to a copy of /etc/pve/pve-root-ca.pem"
                }
                Trust::Ca(_) | Trust::Pin(_) => {
                    "Check PROXMOX_API_URL, and that PROXMOX_CA_FILE or PROXMOX_TLS_PIN is that cluster’s"
                }
            };
            vec![Finding::bad("proxmox", &format!("{error}. {hint}"))]
        }
        Err(error @ CallError::Rejected { status: 401, .. }) => {
            let certificate = Finding::good("certificate", "trusted");
            vec![
                certificate,
                Finding::bad(
                    "login",
                    &format!(
                        "{error}. Check {}",
                        if access.is_user() {
                            "PROXMOX_USER and PROXMOX_PASSWORD"
                        } else {
                            "PROXMOX_API_TOKEN, and that the token has not expired"
                        }
                    ),
                ),
            ]
        }
        Err(error) => vec![Finding::bad("proxmox", &error)],
        Ok(health) => {
            let version = format!("Proxmox VE {}", health.version);
            let version = if health.supported {
                Finding::good("version", version)
            } else {
                Finding::bad("version", &format!("{version} is not known to MycoPod, which is made for 8.4"))
            };
            let missing: Vec<String> =
                health.missing.iter().map(|missing| format!("{} {}", missing.path, missing.privilege)).collect();
            let privileges = if missing.is_empty() {
                Finding::good("privileges", format!("{} may do all that plans need", access.authid))
            } else {
                let authid = &access.authid;
                let detail = format!("{authid} lacks these; docs/DEPLOYMENT.md shows how to grant them:");
                Finding { missing, ..Finding::bad("privileges", &detail) }
            };
            vec![Finding::good("certificate", "trusted"), version, privileges]
        }
    }
}
