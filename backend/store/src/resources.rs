//! Resources: the guests of ours, from the reservation of their VMID to their end.
//!
//! A VMID belongs to one resource of its cluster at a time. It is reserved when a plan chooses it, so
//! that two plans never choose the same.

use chrono::{DateTime, Utc};
use mycopod_core::guest::{GuestRef, Kind, Vmid};
use mycopod_core::id::{ClusterId, DeclarationId, ResourceId};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::row::Columns;
use crate::{StoreError, exactly_one, violates};

/// Where a resource stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its VMID is kept for it; the guest may not exist yet.
    Reserved,
    /// The guest was seen, and is ours.
    Present,
    /// The guest is proven gone; its VMID is free.
    Gone,
}

/// A guest of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Which; its marker names it.
    pub id: ResourceId,
    /// The cluster that it is on: that of its declaration.
    pub cluster: ClusterId,
    /// VM or container, number, name and node, as last written.
    pub guest: GuestRef,
    /// The declaration that made or adopted it.
    pub declaration: DeclarationId,
    /// The UUID in a VM's `smbios1`, by which a recycled VMID is recognised.
    pub smbios_uuid: Option<String>,
    /// Where it stands.
    pub state: State,
    /// When its VMID was reserved, or it was adopted.
    pub created_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for Resource {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let bad = |column: &str, value: &str| sqlx::Error::ColumnDecode {
            index: column.to_owned(),
            source: format!("“{value}” is none").into(),
        };
        let kind = match row.plain("kind")? {
            "qemu" => Kind::Qemu,
            "lxc" => Kind::Lxc,
            other => return Err(bad("kind", other)),
        };
        let state = match row.plain("state")? {
            "reserved" => State::Reserved,
            "present" => State::Present,
            "gone" => State::Gone,
            other => return Err(bad("state", other)),
        };
        let guest = GuestRef { kind, vmid: vmid(row)?, name: row.plain("name")?, node: row.plain("node")? };
        Ok(Self {
            id: row.id("id", ResourceId)?,
            cluster: row.id("cluster_id", ClusterId)?,
            guest,
            declaration: row.id("declaration_id", DeclarationId)?,
            smbios_uuid: row.plain("smbios_uuid")?,
            state,
            created_at: row.plain("created_at")?,
        })
    }
}

fn vmid(row: &PgRow) -> sqlx::Result<Vmid> {
    Vmid::try_from(row.count("vmid")?)
        .map_err(|error| sqlx::Error::ColumnDecode { index: "vmid".to_owned(), source: error.into() })
}

fn taken(guest: &GuestRef) -> impl FnOnce(sqlx::Error) -> StoreError {
    let vmid = guest.vmid;
    move |error| {
        if violates(&error, "resources_vmid_unique") { StoreError::VmidTaken(vmid) } else { error.into() }
    }
}

fn number(vmid: Vmid) -> i32 {
    // 999,999,999 at most.
    vmid.get().cast_signed()
}

/// Reserves a guest's VMID for a resource. A resource that is reserved already moves to
/// the new VMID; one that is present or gone is not touched.
pub async fn reserve(
    connection: &mut PgConnection,
    id: ResourceId,
    guest: &GuestRef,
    declaration: DeclarationId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO resources AS r (id, kind, vmid, node, name, declaration_id, cluster_id, state, created_at)
         SELECT $1, $2, $3, $4, $5, id, cluster_id, 'reserved', $7 FROM declarations WHERE id = $6
         ON CONFLICT (id) DO UPDATE
         SET kind = excluded.kind, vmid = excluded.vmid, node = excluded.node, name = excluded.name
         WHERE r.state = 'reserved' AND r.declaration_id = excluded.declaration_id",
    )
    .bind(id.0)
    .bind(guest.kind.as_str())
    .bind(number(guest.vmid))
    .bind(&guest.node)
    .bind(&guest.name)
    .bind(declaration.0)
    .bind(at)
    .execute(connection)
    .await
    .map_err(taken(guest))?;
    exactly_one(&result)
}

/// Frees the VMIDs that a declaration reserved and for which no step was ever begun.
/// Where one was, the guest may exist, and its VMID stays reserved.
pub async fn release_unused(connection: &mut PgConnection, declaration: DeclarationId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM resources r WHERE declaration_id = $1 AND state = 'reserved' AND NOT EXISTS (
             SELECT FROM steps s WHERE s.resource_id = r.id AND s.started_at IS NOT NULL)",
    )
    .bind(declaration.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps that a guest was seen and is ours: a reserved one that was made, one that was
/// adopted, one that was renamed or moved to another node, one that was gone and is back
/// (restored from a backup, with its marker).
pub async fn present(
    connection: &mut PgConnection,
    id: ResourceId,
    guest: &GuestRef,
    declaration: DeclarationId,
    smbios_uuid: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO resources AS r (id, kind, vmid, node, name, declaration_id, cluster_id, smbios_uuid, state,
                                     created_at)
         SELECT $1, $2, $3, $4, $5, id, cluster_id, $7, 'present', $8 FROM declarations WHERE id = $6
         ON CONFLICT (id) DO UPDATE
         SET node = excluded.node, name = excluded.name, smbios_uuid = excluded.smbios_uuid, state = 'present',
             gone_at = NULL
         WHERE r.kind = excluded.kind AND r.vmid = excluded.vmid AND r.cluster_id = excluded.cluster_id",
    )
    .bind(id.0)
    .bind(guest.kind.as_str())
    .bind(number(guest.vmid))
    .bind(&guest.node)
    .bind(&guest.name)
    .bind(declaration.0)
    .bind(smbios_uuid)
    .bind(at)
    .execute(connection)
    .await
    .map_err(taken(guest))?;
    exactly_one(&result)
}

/// Keeps the node on which a guest of ours was seen.
pub async fn moved(connection: &mut PgConnection, id: ResourceId, node: &str) -> Result<(), StoreError> {
    let result = sqlx::query("UPDATE resources SET node = $2 WHERE id = $1").bind(id.0).bind(node).execute(connection);
    exactly_one(&result.await?)
}

/// Keeps that a guest is proven gone: its VMID is free, and nothing of it is owned any more.
/// One that is gone already stays so: two plans may delete the same guest.
pub async fn gone(
    transaction: &mut Transaction<'_, Postgres>,
    id: ResourceId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query("UPDATE resources SET state = 'gone', gone_at = coalesce(gone_at, $2) WHERE id = $1")
        .bind(id.0)
        .bind(at)
        .execute(&mut **transaction)
        .await?;
    exactly_one(&result)?;
    sqlx::query("DELETE FROM owned_fields WHERE resource_id = $1").bind(id.0).execute(&mut **transaction).await?;
    Ok(())
}

/// The resource of that id.
pub async fn get(connection: &mut PgConnection, id: ResourceId) -> Result<Option<Resource>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM resources WHERE id = $1").bind(id.0).fetch_optional(connection).await?)
}

/// All resources on a cluster that are not gone, by VMID.
pub async fn list(connection: &mut PgConnection, cluster: ClusterId) -> Result<Vec<Resource>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM resources WHERE cluster_id = $1 AND state <> 'gone' ORDER BY vmid")
        .bind(cluster.0)
        .fetch_all(connection)
        .await?)
}
