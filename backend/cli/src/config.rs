//! The configuration, and the only reader of the environment.
//!
//! Settings come from the process environment and, for the commands that run the
//! server's parts, from an optional `.env` in the working directory. The environment
//! wins; a blank value counts as unset. Every wrong value is named at once, with what
//! it should be, and never shown.

mod dotenv;
mod reader;
mod secret_file;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use mycopod_core::cluster::{Access, ClusterName, Secret, Trust};
use mycopod_core::policy::Policy;
use mycopod_engine::{Budget, LEAST_BUDGET};
use mycopod_store::Hosts;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

pub use self::dotenv::DotenvError;
use self::reader::budget;
pub use self::reader::{Reader, Rephrase};
pub use self::secret_file::{SecretFileError, secret};
use self::value::{
    PROXMOX_URL_SHAPE, TOKEN_SHAPE, USER_SHAPE, absolute, addresses, ca_file, database_url, email, flag,
    installation_name, origin, pin, policy, pool, proxmox_token, proxmox_urls, proxmox_user,
};
pub use self::value::{is_private_address, server_url, time_scale};

/// Where the API and the UI listen when nothing is said: this machine alone.
const LISTEN: &str = "127.0.0.1:4000";
/// Where the development server of the front end runs.
const CORS_ORIGINS: &str = "http://localhost:3000";
/// What people call the first cluster when nothing is said.
const CLUSTER: &str = "main";
/// The first Admin's address when none is given.
const ADMIN_EMAIL: &str = "admin@mycopod.local";
/// Own messages, and only the warnings of others.
const LOG: &str = "warn,mycopod=info";
/// How often the cluster is compared with the declarations.
const KEEP_SECONDS: u64 = 30;
/// Looking more often than this would only load Proxmox.
const MIN_KEEP_SECONDS: u64 = 1;
/// Drift that shows a day late is no drift detection.
const MAX_KEEP_SECONDS: u64 = 86_400;
/// The requests for that each time: eight a second, of which Proxmox's workers feel nothing; 120 guests in 30 seconds.
const KEEP_REQUESTS: u32 = 242;
/// More than ten thousand guests take in one go.
const MAX_KEEP_REQUESTS: u32 = 100_000;
/// More than a load balancer needs to notice that a server leaves.
const MAX_NOTICE_SECONDS: u64 = 300;

/// A quarter: what was decided in it is still asked about.
const RETENTION_DAYS: u64 = 90;
/// A hundred years.
const MAX_RETENTION_DAYS: u64 = 36_500;

/// The variables that MycoPod knows, each with what it is for; `.env.example` has the
/// same. Another name with one of their prefixes in `.env` is a typing error.
const KNOWN: &[&str] = &[
    "DATABASE_URL",
    "PROXMOX_API_URL",
    "PROXMOX_API_TOKEN",
    "PROXMOX_USER",
    "PROXMOX_PASSWORD",
    "PROXMOX_CA_FILE",
    "PROXMOX_TLS_PIN",
    "PROXMOX_POOL",
    "PROXMOX_NAME",
    "LLM_PROVIDER",
    "LLM_API_KEY",
    "LLM_BASE_URL",
    "LLM_MODEL",
    "LLM_ROLE",
    "LLM_REPHRASE",
    "LLM_TOKENS_PER_DAY",
    "LLM_COST_PER_DAY",
    "LLM_PRICES",
    "MYCOPOD_LISTEN",
    "MYCOPOD_DATA_DIR",
    "MYCOPOD_ADMIN_EMAIL",
    "MYCOPOD_ADMIN_PASSWORD",
    "MYCOPOD_CORS_ORIGINS",
    "MYCOPOD_TRUSTED_PROXIES",
    "MYCOPOD_SECRET_FILE",
    "MYCOPOD_ALLOW_PLAIN_HTTP",
    "MYCOPOD_NAME",
    "MYCOPOD_POLICY_FILE",
    "MYCOPOD_KEEP_SECONDS",
    "MYCOPOD_KEEP_REQUESTS",
    "MYCOPOD_RETENTION_DAYS",
    "MYCOPOD_NOTICE_SECONDS",
    "MYCOPOD_SANDBOX_TIME_SCALE",
    "MYCOPOD_LOG",
    "MYCOPOD_LOG_FORMAT",
    "MYCOPOD_URL",
    "MYCOPOD_TOKEN",
    "MYCOPOD_CLUSTER_TOKEN",
    "MYCOPOD_CLUSTER_PASSWORD",
];

/// Why there is no configuration. Nothing was started.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The `.env` file was not taken.
    #[error(transparent)]
    Dotenv(#[from] DotenvError),
    /// Settings are wrong or missing.
    #[error("{}", list(.0))]
    Settings(Vec<BadSetting>),
}

/// A setting that is wrong or missing. Its value is not in it.
#[derive(Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// The variable.
    pub name: &'static str,
    /// What is wrong, and what it should be.
    pub problem: String,
}

fn list(bad: &[BadSetting]) -> String {
    let lines: Vec<String> = bad.iter().map(|bad| format!("{} {}", bad.name, bad.problem)).collect();
    lines.join("\n")
}

/// Everything that `mycopod serve` and `mycopod doctor` are told from outside.
#[derive(Debug)]
pub struct Config {
    /// A PostgreSQL server; without one a private server is started.
    pub database_url: Option<SecretString>,
    /// A Proxmox VE cluster; without one the sandbox is started.
    pub proxmox: Option<Proxmox>,
    /// What people call that cluster, or the sandbox.
    pub cluster: ClusterName,
    /// Who reads declarations.
    pub reader: Reader,
    /// What they may cost at a language model.
    pub budget: Budget,
    /// Where the API and the UI listen.
    pub listen: SocketAddr,
    /// Where everything lives that must outlast a restart.
    pub data_dir: PathBuf,
    /// The Admin to make when there is none.
    pub first_admin: FirstAdmin,
    /// Origins of other front ends that may call the API.
    pub cors_origins: Vec<String>,
    /// Reverse proxies whose word on a request's origin is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The file with the secret that all keys derive from.
    pub secret_file: PathBuf,
    /// Whether sessions and declarations may go over plain HTTP beyond this machine.
    pub allow_plain_http: bool,
    /// The installation's name in signed checkpoints.
    pub name: String,
    /// Defaults and bounds of plans.
    pub policy: Policy,
    /// How often the cluster is compared with the declarations.
    pub keep_every: Duration,
    /// The requests that Proxmox gets for that each time, at most.
    pub keep_requests: u32,
    /// How long the ledger of declarations that ended is kept at least.
    pub retention: Duration,
    /// How long requests are still answered after the server was told to stop.
    pub notice: Duration,
    /// The sandbox's durations and lags as multiples of Proxmox's.
    pub sandbox_time_scale: f64,
    /// What is logged.
    pub log: Log,
}

/// How to reach the first cluster.
#[derive(Debug)]
pub struct Proxmox {
    /// All but the secret.
    pub access: Access,
    /// The token's secret, or the user's password.
    pub secret: Secret,
}

/// The Admin to make when there is none.
#[derive(Debug)]
pub struct FirstAdmin {
    /// The address to log in with.
    pub email: String,
    /// Without one a password is made and shown once.
    pub password: Option<SecretString>,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct Log {
    /// A filter in the syntax of `tracing-subscriber`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Config {
    /// Reads `.env` in `folder` and the process environment.
    pub fn load(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(".env");
        let file = dotenv::read(&path)?;
        let is_ours = |name: &str| ["MYCOPOD_", "PROXMOX_", "LLM_"].iter().any(|prefix| name.starts_with(prefix));
        if let Some(unknown) = file.keys().find(|name| is_ours(name) && !KNOWN.contains(&name.as_str())) {
            return Err(ConfigError::Settings(vec![BadSetting {
                name: ".env",
                problem: format!("sets {unknown}, which is no setting of MycoPod: see .env.example"),
            }]));
        }
        let mut variables = Variables(file);
        variables.0.extend(Variables::of_process().0);
        Self::of(&variables)
    }

    fn of(variables: &Variables) -> Result<Self, ConfigError> {
        let mut read = Settings { variables, bad: Vec::new() };
        let allow_plain_http = read.or("MYCOPOD_ALLOW_PLAIN_HTTP", "false", flag);
        let data_dir = read.optional("MYCOPOD_DATA_DIR", absolute).or_else(|| match home_data_dir(variables) {
            Ok(folder) => Some(folder),
            Err(problem) => read.wrong("MYCOPOD_DATA_DIR", problem),
        });
        let secret_file = read
            .optional("MYCOPOD_SECRET_FILE", absolute)
            .or_else(|| data_dir.as_ref().map(|folder| folder.join("secret")));
        let config = Self {
            database_url: read.optional("DATABASE_URL", database_url),
            proxmox: proxmox(&mut read),
            cluster: read.or("PROXMOX_NAME", CLUSTER, |text| {
                text.parse().map_err(|_| {
                    "should be 1 to 32 lower-case letters, digits and dashes, beginning with a letter".to_owned()
                })
            }),
            reader: reader::reader(&mut read, allow_plain_http),
            budget: budget(&mut read),
            listen: read.or("MYCOPOD_LISTEN", LISTEN, |text| {
                text.parse().map_err(|_| "should be ADDRESS:PORT, such as 127.0.0.1:4000 or [::]:4000".to_owned())
            }),
            data_dir: data_dir.unwrap_or_default(),
            first_admin: FirstAdmin {
                email: read.or("MYCOPOD_ADMIN_EMAIL", ADMIN_EMAIL, email),
                password: read.optional("MYCOPOD_ADMIN_PASSWORD", |text| Ok(SecretString::from(text))),
            },
            cors_origins: read.or("MYCOPOD_CORS_ORIGINS", CORS_ORIGINS, |text| text.split(',').map(origin).collect()),
            trusted_proxies: read.optional("MYCOPOD_TRUSTED_PROXIES", addresses).unwrap_or_default(),
            secret_file: secret_file.unwrap_or_default(),
            allow_plain_http,
            name: read.or("MYCOPOD_NAME", "mycopod", installation_name),
            policy: read.optional("MYCOPOD_POLICY_FILE", policy).unwrap_or_default(),
            notice: Duration::from_secs(read.or("MYCOPOD_NOTICE_SECONDS", "0", |text| {
                let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_NOTICE_SECONDS);
                seconds.ok_or_else(|| format!("should be 0 to {MAX_NOTICE_SECONDS} seconds"))
            })),
            keep_every: Duration::from_secs(read.or("MYCOPOD_KEEP_SECONDS", &KEEP_SECONDS.to_string(), |text| {
                let seconds = text.parse().ok().filter(|s| (MIN_KEEP_SECONDS..=MAX_KEEP_SECONDS).contains(s));
                seconds.ok_or_else(|| format!("should be {MIN_KEEP_SECONDS} to {MAX_KEEP_SECONDS} seconds"))
            })),
            keep_requests: read.or("MYCOPOD_KEEP_REQUESTS", &KEEP_REQUESTS.to_string(), |text| {
                let requests = text.parse().ok().filter(|n| (LEAST_BUDGET..=MAX_KEEP_REQUESTS).contains(n));
                requests.ok_or_else(|| format!("should be {LEAST_BUDGET} to {MAX_KEEP_REQUESTS} requests"))
            }),
            retention: Duration::from_hours(
                24 * read.or("MYCOPOD_RETENTION_DAYS", &RETENTION_DAYS.to_string(), |text| {
                    let days = text.parse::<u64>().ok().filter(|days| (1..=MAX_RETENTION_DAYS).contains(days));
                    days.ok_or_else(|| format!("should be 1 to {MAX_RETENTION_DAYS} days"))
                }),
            ),
            sandbox_time_scale: read.or("MYCOPOD_SANDBOX_TIME_SCALE", "1", time_scale),
            log: Log {
                filter: read.or("MYCOPOD_LOG", LOG, |text| match EnvFilter::try_new(text) {
                    Ok(_) => Ok(text.to_owned()),
                    Err(_) => Err("should be a log filter, such as info or warn,mycopod=debug".to_owned()),
                }),
                json: read.or("MYCOPOD_LOG_FORMAT", "text", |text| match text {
                    "text" => Ok(false),
                    "json" => Ok(true),
                    _ => Err("should be text or json".to_owned()),
                }),
            },
        };
        if read.bad.is_empty() { Ok(config) } else { Err(ConfigError::Settings(read.bad)) }
    }

    /// How to connect to the database that `DATABASE_URL` names.
    #[must_use]
    pub fn database(&self) -> Option<Hosts> {
        // Checked when it was read.
        self.database_url.as_ref().and_then(|url| Hosts::from_str(url.expose_secret()).ok())
    }
}

/// What the client commands are told from outside. They read no `.env`: the folder
/// they are called in may be anybody's, and they carry a token.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The server, by `MYCOPOD_URL`.
    pub url: Option<String>,
    /// An access token, by `MYCOPOD_TOKEN`.
    pub token: Option<SecretString>,
    /// The API token of a cluster to be added, by `MYCOPOD_CLUSTER_TOKEN`.
    pub cluster_token: Option<SecretString>,
    /// The password of a user of a cluster to be added, by `MYCOPOD_CLUSTER_PASSWORD`.
    pub cluster_password: Option<SecretString>,
    /// Where `mycopod login` keeps its session.
    pub session_file: Option<PathBuf>,
    /// Whether `NO_COLOR` is set (any value but the empty one; see no-color.org).
    pub no_color: bool,
}

impl ClientConfig {
    /// Reads the process environment.
    pub fn load() -> Result<Self, ConfigError> {
        Self::of(&Variables::of_process())
    }

    fn of(variables: &Variables) -> Result<Self, ConfigError> {
        let mut read = Settings { variables, bad: Vec::new() };
        let folder = variables
            .get("XDG_CONFIG_HOME")
            .filter(|folder| Path::new(folder).is_absolute())
            .map(PathBuf::from)
            .or_else(|| variables.get("HOME").map(|home| Path::new(home).join(".config")));
        let config = Self {
            url: read.optional("MYCOPOD_URL", server_url),
            token: read.optional("MYCOPOD_TOKEN", |text| Ok(SecretString::from(text))),
            cluster_token: read.optional("MYCOPOD_CLUSTER_TOKEN", |text| Ok(SecretString::from(text))),
            cluster_password: read.optional("MYCOPOD_CLUSTER_PASSWORD", |text| Ok(SecretString::from(text))),
            session_file: folder.map(|folder| folder.join("mycopod/session.json")),
            no_color: variables.get("NO_COLOR").is_some(),
        };
        if read.bad.is_empty() { Ok(config) } else { Err(ConfigError::Settings(read.bad)) }
    }
}

/// Variables by name.
struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The process environment. What is not Unicode is no value of ours.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
    fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        // A blank value unsets nothing that `.env` sets: it counts as absent.
        Self(std::env::vars_os().filter_map(unicode).filter(|(_, value)| !value.trim().is_empty()).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables(…)")
    }
}

/// Reads settings one by one and remembers what is wrong with them.
struct Settings<'a> {
    variables: &'a Variables,
    bad: Vec<BadSetting>,
}

impl Settings<'_> {
    fn wrong<T>(&mut self, name: &'static str, problem: impl Into<String>) -> Option<T> {
        self.bad.push(BadSetting { name, problem: problem.into() });
        None
    }

    fn is_set(&self, name: &str) -> bool {
        self.variables.get(name).is_some()
    }

    fn optional<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.variables.get(name)?) {
            Ok(value) => Some(value),
            Err(problem) => self.wrong(name, problem),
        }
    }

    /// The setting, or what `default` parses to. Where the setting is wrong it is noted, and the default stands in until
    /// the error is told.
    fn or<T>(&mut self, name: &'static str, default: &str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        self.optional(name, &parse).unwrap_or_else(|| match parse(default) {
            Ok(value) => value,
            Err(problem) => unreachable!("the default of {name} {problem}"),
        })
    }
}

fn proxmox(read: &mut Settings<'_>) -> Option<Proxmox> {
    const LOGIN: [&str; 3] = ["PROXMOX_API_TOKEN", "PROXMOX_USER", "PROXMOX_PASSWORD"];
    let others = ["PROXMOX_API_URL", "PROXMOX_CA_FILE", "PROXMOX_TLS_PIN", "PROXMOX_POOL"];
    let given = LOGIN.iter().chain(&others).find(|name| read.is_set(name))?;
    if !read.is_set("PROXMOX_API_URL") {
        read.wrong::<()>("PROXMOX_API_URL", format!("is missing beside {given}: it {PROXMOX_URL_SHAPE}"));
    }
    let urls = read.optional("PROXMOX_API_URL", proxmox_urls);
    let login = match LOGIN.map(|name| read.is_set(name)) {
        [true, false, false] => read.optional("PROXMOX_API_TOKEN", proxmox_token),
        [false, true, true] => {
            let password = read.optional("PROXMOX_PASSWORD", |text| Ok(SecretString::from(text)));
            password.and_then(|password| read.optional("PROXMOX_USER", |user| proxmox_user(user, &password)))
        }
        [false, false, false] => {
            read.wrong("PROXMOX_API_TOKEN", format!("is missing beside {given}: it {TOKEN_SHAPE}"))
        }
        [true, ..] => read.wrong(
            "PROXMOX_API_TOKEN",
            "is set beside PROXMOX_USER or PROXMOX_PASSWORD: give a token, or a user with the password",
        ),
        [false, false, true] => {
            read.wrong("PROXMOX_USER", format!("is missing beside PROXMOX_PASSWORD: it {USER_SHAPE}"))
        }
        [false, true, false] => read.wrong("PROXMOX_PASSWORD", "is missing beside PROXMOX_USER"),
    };
    let pin = read.optional("PROXMOX_TLS_PIN", pin);
    let ca_file = read.optional("PROXMOX_CA_FILE", ca_file);
    let trust = match (pin, ca_file) {
        (Some(_), Some(_)) => {
            read.wrong("PROXMOX_TLS_PIN", "is set beside PROXMOX_CA_FILE: only one of them can hold")?
        }
        (Some(pin), None) => Trust::Pin(pin),
        (None, Some(file)) => Trust::Ca(file),
        (None, None) => Trust::System,
    };
    let pool = read.optional("PROXMOX_POOL", pool);
    let (authid, secret) = login?;
    Some(Proxmox { access: Access { urls: urls?, authid, trust, pool }, secret })
}

fn home_data_dir(variables: &Variables) -> Result<PathBuf, &'static str> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/mycopod"));
    }
    match variables.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute()) {
        Some(home) => Ok(home.join(".local/share/mycopod")),
        None => Err("is missing, and so is HOME to derive it from: it should be a folder of MycoPod’s own"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let home = std::iter::once(("HOME", "/home/x"));
        Variables(home.chain(pairs.iter().copied()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    pub(super) fn config(pairs: &[(&str, &str)]) -> Config {
        Config::of(&variables(pairs)).unwrap()
    }

    pub(super) fn bad(pairs: &[(&str, &str)]) -> Vec<BadSetting> {
        match Config::of(&variables(pairs)) {
            Err(ConfigError::Settings(bad)) => bad,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_set_is_a_whole_configuration() {
        let config = config(&[]);
        assert!(config.database_url.is_none() && config.proxmox.is_none());
        assert!(matches!(config.reader, Reader::BuiltIn));
        assert_eq!(config.listen.to_string(), "127.0.0.1:4000");
        assert_eq!(config.cors_origins, ["http://localhost:3000"]);
        assert_eq!(config.secret_file, config.data_dir.join("secret"));
        assert_eq!(config.keep_every, Duration::from_secs(30));
        assert!(!config.allow_plain_http);
    }

    #[test]
    fn blank_is_unset() {
        let config = config(&[("DATABASE_URL", ""), ("LLM_API_KEY", "  "), ("PROXMOX_API_URL", "")]);
        assert!(config.database_url.is_none() && config.proxmox.is_none());
        assert!(matches!(config.reader, Reader::BuiltIn));
    }

    #[test]
    fn every_wrong_value_is_named_with_what_it_should_be_and_not_shown() {
        let wrong = [
            ("DATABASE_URL", "mysql://u:zzz@h/d"),
            ("PROXMOX_API_URL", "http://zzz:8006"),
            ("PROXMOX_API_TOKEN", "zzz"),
            ("PROXMOX_TLS_PIN", "zzz"),
            ("PROXMOX_CA_FILE", "/zzz"),
            ("PROXMOX_POOL", "zzz zzz"),
            ("PROXMOX_NAME", "zzz zzz"),
            ("LLM_PROVIDER", "zzz"),
            ("LLM_TOKENS_PER_DAY", "zzz"),
            ("LLM_COST_PER_DAY", "zzz"),
            ("LLM_PRICES", "0.1/zzz"),
            ("MYCOPOD_LISTEN", "zzz"),
            ("MYCOPOD_DATA_DIR", "zzz"),
            ("MYCOPOD_SECRET_FILE", "zzz"),
            ("MYCOPOD_ADMIN_EMAIL", "zzz"),
            ("MYCOPOD_CORS_ORIGINS", "zzz"),
            ("MYCOPOD_TRUSTED_PROXIES", "zzz"),
            ("MYCOPOD_ALLOW_PLAIN_HTTP", "zzz"),
            ("MYCOPOD_NAME", "zzz zzz"),
            ("MYCOPOD_POLICY_FILE", "/zzz"),
            ("MYCOPOD_KEEP_SECONDS", "zzz"),
            ("MYCOPOD_KEEP_REQUESTS", "3"),
            ("MYCOPOD_RETENTION_DAYS", "0"),
            ("MYCOPOD_NOTICE_SECONDS", "zzz"),
            ("MYCOPOD_SANDBOX_TIME_SCALE", "-1"),
            ("MYCOPOD_LOG", "zzz=zzz=zzz"),
            ("MYCOPOD_LOG_FORMAT", "zzz"),
        ];
        let bad = bad(&wrong);
        for (name, _) in wrong {
            assert!(bad.iter().any(|bad| bad.name == name), "{name} is not among {bad:?}");
        }
        assert_eq!(bad.len(), wrong.len());
        assert!(!ConfigError::Settings(bad).to_string().contains("zzz"));
    }

    #[test]
    fn half_of_proxmox_is_refused() {
        assert_eq!(bad(&[("PROXMOX_API_URL", "https://pve1:8006")])[0].name, "PROXMOX_API_TOKEN");
        assert_eq!(bad(&[("PROXMOX_API_TOKEN", "root@pam!lab=S")])[0].name, "PROXMOX_API_URL");
        let both = [
            ("PROXMOX_API_URL", "https://pve1:8006/api2/json/"),
            ("PROXMOX_API_TOKEN", "root@pam!lab=S"),
            ("PROXMOX_TLS_PIN", &["AB"; 32].join(":")),
        ];
        let proxmox = config(&both).proxmox.unwrap();
        assert_eq!(proxmox.access.urls, ["https://pve1:8006"]);
        let several = [("PROXMOX_API_URL", "https://pve1:8006, https://pve2:8006/"), both[1]];
        assert_eq!(config(&several).proxmox.unwrap().access.urls, ["https://pve1:8006", "https://pve2:8006"]);
        assert_eq!(bad(&[("PROXMOX_API_URL", "https://pve1:8006,"), both[1]])[0].name, "PROXMOX_API_URL");
        assert!(matches!(proxmox.access.trust, Trust::Pin(_)));
        let (url, user) = (both[0], ("PROXMOX_USER", "root@pam"));
        let by_password = config(&[url, user, ("PROXMOX_PASSWORD", "S S")]).proxmox.unwrap();
        assert_eq!((by_password.access.authid.as_str(), by_password.secret.expose()), ("root@pam", "S S"));
        assert_eq!(bad(&[url, user])[0].name, "PROXMOX_PASSWORD");
        assert_eq!(bad(&[url, ("PROXMOX_PASSWORD", "S")])[0].name, "PROXMOX_USER");
        assert_eq!(bad(&[url, ("PROXMOX_USER", "root"), ("PROXMOX_PASSWORD", "S")])[0].name, "PROXMOX_USER");
        assert_eq!(bad(&[url, both[1], user])[0].name, "PROXMOX_API_TOKEN");
        assert_eq!(config(&both).cluster.as_str(), "main");
    }

    #[test]
    fn declarations_are_not_sent_over_plain_http_unless_that_is_allowed() {
        let far = [("LLM_API_KEY", "sk-1"), ("LLM_BASE_URL", "http://models.example.org/v1")];
        assert_eq!(bad(&far)[0].name, "LLM_BASE_URL");
        config(&[("LLM_API_KEY", "sk-1"), ("LLM_BASE_URL", "http://127.0.0.1:11434/v1")]);
        config(&[far[0], far[1], ("MYCOPOD_ALLOW_PLAIN_HTTP", "true")]);
    }

    #[test]
    fn secrets_are_not_in_the_debug_output() {
        let config = config(&[
            ("DATABASE_URL", "postgres://u:hush1@h/d"),
            ("PROXMOX_API_URL", "https://pve1:8006"),
            ("PROXMOX_API_TOKEN", "root@pam!lab=hush2"),
            ("LLM_API_KEY", "hush3"),
            ("MYCOPOD_ADMIN_PASSWORD", "hush4"),
        ]);
        assert!(!format!("{config:?}").contains("hush"));
        let password =
            [("PROXMOX_API_URL", "https://a:1"), ("PROXMOX_USER", "root@pam"), ("PROXMOX_PASSWORD", "hush7")];
        assert!(!format!("{:?}", self::config(&password)).contains("hush"));
        let hushed = ["MYCOPOD_TOKEN", "MYCOPOD_CLUSTER_TOKEN", "MYCOPOD_CLUSTER_PASSWORD"].map(|name| (name, "hush5"));
        let client = ClientConfig::of(&variables(&hushed)).unwrap();
        assert!(!format!("{client:?}").contains("hush"));
    }

    #[test]
    fn the_documented_policy_is_the_default_one() {
        let document = include_str!("../../../docs/DEPLOYMENT.md");
        let shown = document.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        assert_eq!(serde_json::from_str::<Policy>(shown).unwrap(), Policy::default());
    }

    #[test]
    fn the_example_file_names_every_setting_and_no_other() {
        let example = include_str!("../../../.env.example");
        let is_name = |name: &&str| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let named: std::collections::BTreeSet<&str> = example
            .lines()
            .filter_map(|line| Some(line.trim_start_matches("# ").split_once('=')?.0))
            .filter(is_name)
            .collect();
        let client_only = ["MYCOPOD_URL", "MYCOPOD_TOKEN", "MYCOPOD_CLUSTER_TOKEN", "MYCOPOD_CLUSTER_PASSWORD"];
        assert_eq!(named, KNOWN.iter().copied().filter(|name| !client_only.contains(name)).collect());
    }
}
