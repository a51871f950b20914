//! Deterministic simulation of many ecomesh nodes in one thread, under one seed.
//!
//! The nodes are real: core, journal, recovery, verification and wire formats are those of `ecomesh-protocol`. The
//! world around them is played: clock, network, disks, clients, and members that do not keep the rules.
