//! The API as a client meets it: the router over a database of its own, with a clock that can be turned on.
//!
//! ```text
//! scripts/with-postgres cargo nextest run -p mycopod-server
//! ```

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod audit;
mod clusters;
mod declarations;
mod errors;
mod events;
mod keeping;
mod pages;
mod readings;
mod server;
mod serving;
mod session;
mod users;
