//! The client against servers: one that misbehaves, one that answers as recorded.

#[cfg(test)]
mod common;
#[cfg(test)]
mod sight;
#[cfg(test)]
mod wire;
