//! The binary as its users meet it: its settings, its commands, and `kill -9`.

#[cfg(test)]
mod command_line;
#[cfg(test)]
mod common;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod intents;
#[cfg(test)]
mod lost;
mod settings;
