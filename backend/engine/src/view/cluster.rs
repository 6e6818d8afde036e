//! What is seen of clusters: their guests, drifts, nodes and storages, and whether they answer.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A guest on the cluster, ours or not.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Guest)]
pub struct GuestRow {
    /// The cluster it is on.
    pub cluster: String,
    /// `qemu` or `lxc`.
    pub kind: &'static str,
    /// Its number.
    pub vmid: u32,
    /// Its name.
    pub name: String,
    /// Its node.
    pub node: String,
    /// `running`, `stopped`, `paused` or `unknown`.
    pub status: &'static str,
    /// Whether it is a template.
    pub template: bool,
    /// Whether it is ours.
    pub managed: bool,
    /// Its resource, where it is ours.
    pub resource: Option<Uuid>,
    /// The latest declaration that owns a field of it.
    pub declaration: Option<Uuid>,
    /// Cores per socket (VM) or in all (container).
    pub cores: Option<u64>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// All of its disks in GiB.
    pub disk_gib: Option<f64>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Seconds since it was seen.
    pub age_seconds: u64,
    /// The owned fields that are not as declared.
    pub drift: Vec<DriftView>,
    /// The fields whose configured value takes effect when it next stops and starts, declared or not.
    pub pending: Vec<PendingView>,
    /// What is wrong with it as a guest of ours, e.g. that it is gone.
    pub problem: Option<String>,
}

/// A field whose configured value a running guest does not have yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PendingField)]
pub struct PendingView {
    /// The field's key.
    pub field: String,
    /// As a page shows it.
    pub label: String,
}

/// An owned field that is not as declared.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Drift)]
pub struct DriftView {
    /// The field's key.
    pub field: String,
    /// The field's name for people.
    pub label: String,
    /// As declared.
    pub declared: serde_json::Value,
    /// As seen.
    pub observed: serde_json::Value,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The declaration that owns the field.
    pub declaration: Uuid,
    /// Who did it, as far as Proxmox tells; `null` where it was not asked yet.
    pub cause: Option<CauseView>,
    /// How often a repair was undone lately, where that is so often that another tool wants another value.
    pub repairs_undone: Option<u32>,
    /// Until when nobody wants to hear of it.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Who said so.
    pub snoozed_by: Option<String>,
}

/// Who made a field other than declared.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DriftCause)]
pub struct CauseView {
    /// In words.
    pub text: String,
    /// Proxmox's user or API token.
    pub user: Option<String>,
    /// Proxmox's task.
    pub task: Option<String>,
}

/// How a cluster is compared with what was declared.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Keeping {
    /// How often, in seconds. What the cluster's own list shows (a guest that is gone or new, its power, node, name, tags,
    /// memory) is found at once.
    pub every_seconds: f64,
    /// The requests that Proxmox gets for it each time, at most.
    pub requests: u32,
    /// The guests of ours that are looked at.
    pub guests: u32,
    /// Every other change is found within these seconds: the guests by the requests.
    pub within_seconds: u64,
    /// How long ago the guest was looked at whose last look is the oldest; `null` where one was not looked at yet.
    pub oldest_seconds: Option<u64>,
}

/// A cluster as last seen.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Cluster {
    /// What MycoPod calls it.
    pub cluster: String,
    /// What it calls itself in Proxmox, or its only node's name.
    pub name: String,
    /// Whether it is the sandbox.
    pub sandbox: bool,
    /// Proxmox VE's version.
    pub version: String,
    /// Its nodes.
    pub nodes: Vec<NodeView>,
    /// What guests can be made from.
    pub images: Vec<ImageView>,
}

/// A node as last seen.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// `seen` or `unreachable`.
    pub state: &'static str,
    /// Why it is unreachable.
    pub detail: Option<String>,
    /// Seconds since it was asked.
    pub age_seconds: u64,
    /// Logical CPUs.
    pub cores: Option<u32>,
    /// Physical memory in MiB.
    pub memory_mib: Option<u64>,
    /// Memory in use in MiB.
    pub memory_used_mib: Option<u64>,
    /// Its storages.
    pub storages: Vec<StorageView>,
    /// Its bridges.
    pub bridges: Vec<String>,
}

/// A storage as one node has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Storage)]
pub struct StorageView {
    /// Its name.
    pub name: String,
    /// Its size in GiB.
    pub total_gib: u64,
    /// What is free in GiB.
    pub free_gib: u64,
    /// What it may hold.
    pub content: Vec<String>,
}

/// What guests can be made from.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Image)]
pub struct ImageView {
    /// Its name.
    pub name: String,
    /// `qemu` or `lxc`.
    pub kind: &'static str,
    /// The node that has it.
    pub node: String,
    /// How it is addressed.
    pub detail: String,
}

/// Whether MycoPod can do its work.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, or `degraded` where a part does not answer.
    pub status: &'static str,
    /// The database.
    pub database: Part,
    /// Proxmox VE; with several clusters, the first that does not answer.
    pub proxmox: Part,
    /// Each cluster.
    pub clusters: Vec<ClusterPart>,
}

/// A cluster that MycoPod depends on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReadinessCluster)]
pub struct ClusterPart {
    /// Its name.
    pub cluster: String,
    /// Whether it answered when it was last asked.
    pub ok: bool,
    /// Seconds since it last did; `null` where it never has.
    pub age_seconds: Option<u64>,
    /// What is wrong.
    pub detail: Option<String>,
}

/// A secret in the list of secrets: all of it but its value.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SecretLine {
    /// What declarations call it.
    pub name: String,
    /// When its value was last set.
    pub changed_at: DateTime<Utc>,
    /// By whom: their address.
    pub changed_by: String,
}

/// A cluster in the list of clusters.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClusterLine {
    /// What MycoPod calls it, and declarations.
    pub name: String,
    /// Whether it is the settings' cluster, which declarations are for that name none.
    pub first: bool,
    /// Whether it is the sandbox.
    pub sandbox: bool,
    /// `seen`, `unreachable`, or `unknown` where it was not asked yet.
    pub state: &'static str,
    /// Proxmox VE's version as last seen.
    pub version: Option<String>,
    /// How many nodes it has.
    pub nodes: Option<usize>,
    /// How many guests it has, templates not counted.
    pub guests: Option<usize>,
    /// Seconds since it last answered; `null` where it never has.
    pub age_seconds: Option<u64>,
    /// Why it does not answer.
    pub detail: Option<String>,
    /// How it is kept as declared.
    pub keeping: Keeping,
    /// How it is reached, for Admins.
    pub access: Option<ClusterAccess>,
}

/// How a cluster is reached, all but the secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClusterAccess {
    /// The API's addresses.
    pub urls: Vec<String>,
    /// Who MycoPod is there: the API token `USER@REALM!NAME`, or the user `USER@REALM` who logs in with a password.
    pub authid: String,
    /// `system`, `ca` or `pin`: how its certificate is known.
    pub trust: &'static str,
    /// The pinned SHA-256, where there is one.
    pub pin: Option<String>,
    /// The pool that new guests join.
    pub pool: Option<String>,
    /// When it was added; nothing for the first.
    pub added_at: Option<DateTime<Utc>>,
    /// Who added it; nothing for the first.
    pub added_by: Option<String>,
}

/// What a cluster answered to the question whether it can be used.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ClusterTest)]
pub struct Tested {
    /// Proxmox VE's version.
    pub version: String,
    /// What the token may not do that plans may need.
    pub missing: Vec<Missing>,
}

/// Something that a token may not do, and where.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = MissingPrivilege)]
pub struct Missing {
    /// The path of Proxmox's access control, e.g. `/storage/local-lvm`.
    pub path: String,
    /// The privilege, e.g. `Datastore.AllocateSpace`.
    pub privilege: String,
}

/// A part that MycoPod depends on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReadinessPart)]
pub struct Part {
    /// Whether it answered.
    pub ok: bool,
    /// Seconds since it last did; `null` where it never has.
    pub age_seconds: Option<u64>,
    /// What is wrong.
    pub detail: Option<String>,
}
