//! The client against servers: one that misbehaves, one that answers as recorded, and a whole cluster.

#[cfg(test)]
mod common;
#[cfg(test)]
mod deeds;
#[cfg(test)]
mod fakepve;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod login;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod sight;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod wire;
