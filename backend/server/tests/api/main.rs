//! The API as a client meets it: the router over a database of its own, with a clock that can be turned on.
//!
//! ```text
//! scripts/with-postgres cargo nextest run -p mycopod-server
//! ```

mod audit;
mod declarations;
mod errors;
mod events;
mod pages;
mod server;
mod session;
mod users;
