//! `ecomesh-sim`: runs simulations and tells how they went.

fn main() {}
