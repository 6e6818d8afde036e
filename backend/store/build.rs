//! Builds again when a migration is added: the compiler only sees those it read before.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
