//! Answers to a reading's questions.

use chrono::{DateTime, Utc};
use mycopod_core::id::{DeclarationId, UserId};
use mycopod_core::reading::Answers;
use sqlx::postgres::PgConnection;

use crate::StoreError;
use crate::row::Columns;

/// The longest answer, in Unicode code points; the schema says the same.
pub const MAX_ANSWER: usize = 1_000;
/// The longest question id, in Unicode code points; the schema says the same.
pub const MAX_QUESTION_ID: usize = 200;

/// Keeps answers by question id; a later answer to the same question replaces the earlier one.
/// That the declaration asks these questions is for the caller to check.
pub async fn give(
    connection: &mut PgConnection,
    declaration: DeclarationId,
    user: UserId,
    answers: &[(String, String)],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    for (question, answer) in answers {
        sqlx::query(
            "INSERT INTO answers (declaration_id, question, answer, user_id, at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (declaration_id, question) DO UPDATE
             SET answer = excluded.answer, user_id = excluded.user_id, at = excluded.at",
        )
        .bind(declaration.0)
        .bind(question)
        .bind(answer)
        .bind(user.0)
        .bind(at)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Takes back the answers to these questions, which did not do; the audit log keeps them.
pub async fn withdraw(
    connection: &mut PgConnection,
    declaration: DeclarationId,
    questions: &[String],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM answers WHERE declaration_id = $1 AND question = ANY($2)")
        .bind(declaration.0)
        .bind(questions)
        .execute(connection)
        .await?;
    Ok(())
}

/// Gives the questions that were answered the ids that `renamed` says, where the text they are asked of was reworded.
pub async fn rename(
    connection: &mut PgConnection,
    declaration: DeclarationId,
    renamed: impl Fn(&str) -> String,
) -> Result<(), StoreError> {
    let rows = sqlx::query("DELETE FROM answers WHERE declaration_id = $1 RETURNING question, answer, user_id, at")
        .bind(declaration.0)
        .fetch_all(&mut *connection)
        .await?;
    for row in rows {
        let question: String = row.plain("question")?;
        let kept = [(renamed(&question), row.plain("answer")?)];
        give(connection, declaration, row.id("user_id", UserId)?, &kept, row.plain("at")?).await?;
    }
    Ok(())
}

/// All answers given for a declaration, by question id.
pub async fn pairs(
    connection: &mut PgConnection,
    declaration: DeclarationId,
) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query("SELECT question, answer FROM answers WHERE declaration_id = $1 ORDER BY at, question")
        .bind(declaration.0)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok((row.plain("question")?, row.plain("answer")?))).collect()
}

/// The same, as a reader takes them.
pub async fn of(connection: &mut PgConnection, declaration: DeclarationId) -> Result<Answers, StoreError> {
    Ok(pairs(connection, declaration).await?.into_iter().collect())
}
