//! Writes the schema as the migrations leave it; `infra/schema.sql` is its output.

use std::io::Write;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(mycopod_store::testing::schema().await.as_bytes())
}
