//! Room on a cluster, shared by all replicas: how much is at work on it, and what its plans have promised.

use std::collections::BTreeSet;

use mycopod_core::id::{ClusterId, DeclarationId};
use mycopod_core::planner::Promise;
use sqlx::postgres::PgConnection;
use sqlx::{Postgres, Transaction};

use crate::plans::PlanId;
use crate::row::Columns;
use crate::{StoreError, exactly_one};

/// What the plans that stand have promised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promised {
    /// Which plans.
    pub plans: BTreeSet<PlanId>,
    /// All that they promise.
    pub promises: Vec<Promise>,
}

/// How many steps are at work: begun, and not seen to have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtWork {
    /// On the node; of steps without one, all that have none.
    pub node: usize,
    /// On its cluster.
    pub cluster: usize,
}

/// Takes the cluster's turn until the transaction ends: of two that decide by what room there is, the second sees what
/// the first has taken.
pub async fn turn(transaction: &mut Transaction<'_, Postgres>, cluster: ClusterId) -> Result<(), StoreError> {
    let result = sqlx::query("SELECT FROM clusters WHERE id = $1 FOR NO KEY UPDATE")
        .bind(cluster.0)
        .execute(&mut **transaction)
        .await?;
    exactly_one(&result)
}

/// Counts what is at work, whoever began it; a step that any node can carry out has no node. Steps of a worker that died count until another one has seen their end.
pub async fn at_work(
    connection: &mut PgConnection,
    cluster: ClusterId,
    node: Option<&str>,
) -> Result<AtWork, StoreError> {
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE s.node IS NOT DISTINCT FROM $2) AS node, count(*) AS cluster
         FROM steps s JOIN reconciliations r ON r.id = s.reconciliation_id JOIN declarations d ON d.id = r.declaration_id
         WHERE d.cluster_id = $1 AND r.status = 'applying' AND s.state IN ('started', 'submitted')",
    )
    .bind(cluster.0)
    .bind(node)
    .fetch_one(connection)
    .await?;
    let count = |column| Ok::<_, StoreError>(usize::try_from(row.plain::<i64>(column)?).unwrap_or_default());
    Ok(AtWork { node: count("node")?, cluster: count("cluster")? })
}

/// What the other declarations' plans have promised that wait for their approval or are carried out.
pub async fn promised(
    connection: &mut PgConnection,
    cluster: ClusterId,
    except: DeclarationId,
) -> Result<Promised, StoreError> {
    let rows = sqlx::query(
        "SELECT p.id, p.plan -> 'promises' AS promises FROM declarations d JOIN plans p ON p.id = d.plan_id
         WHERE d.cluster_id = $1 AND d.id <> $2 AND d.status IN ('awaiting_approval', 'approved', 'applying')
             AND p.plan ? 'promises'",
    )
    .bind(cluster.0)
    .bind(except.0)
    .fetch_all(connection)
    .await?;
    let mut promised = Promised::default();
    for row in rows {
        promised.plans.insert(PlanId(row.plain("id")?));
        promised.promises.extend(row.json::<Vec<Promise>>("promises")?);
    }
    Ok(promised)
}
