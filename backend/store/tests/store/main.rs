//! The store against a real PostgreSQL: run through `scripts/with-postgres`.
#![cfg(test)]

mod audit;
mod clusters;
mod guests;
mod ledger;
mod people;
mod pool;
mod private;
mod schema;
mod standing;
mod world;
