//! Real processes in networks that are slow, lossy, cut and rude.
//!
//! Every node runs in a network namespace of its own, whose only way out is a TUN device. The test reads the IP
//! packets from these devices, delays, loses, paces or drops them, and writes them to the device of the addressee. So
//! the kernel's own TCP meets the loss and the delay, as it does in the field, and nothing of it needs `tc` and its
//! `netem`, which many kernels lack. Namespaces have no name and no file: they are gone with the last process and
//! descriptor in them, however the test ends. The host's own interfaces are never touched.
//!
//! It needs Linux, root (or `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`), `/dev/net/tun` and `unshare`. Where one of these is
//! missing, each test says so and passes: look for `skipped:` in the output.
//!
//! The loss is drawn from a seed, `ECOMESH_SEED=N` takes another. Twenty nodes take more than a small machine has:
//! the short form has eight, `ECOMESH_NODES=20` is the long one.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

// What clients send and the judgement at the end are the same as for faults.
#[allow(dead_code, reason = "the tests of faults use the rest")]
#[path = "faults/load.rs"]
mod load;
#[allow(dead_code, reason = "the tests of faults use the rest")]
#[path = "faults/outcome.rs"]
mod outcome;
#[allow(dead_code, reason = "the tests of faults use the rest")]
#[path = "faults/random.rs"]
mod random;

#[path = "networks/cold_boot.rs"]
mod cold_boot;
#[path = "networks/conditions.rs"]
mod conditions;
#[path = "networks/flash.rs"]
mod flash;
#[path = "networks/half_deaf.rs"]
mod half_deaf;
#[path = "networks/lab.rs"]
mod lab;
#[path = "networks/model.rs"]
mod model;
#[path = "networks/namespace.rs"]
mod namespace;
#[path = "networks/one_way.rs"]
mod one_way;
#[path = "networks/packet.rs"]
mod packet;
#[path = "networks/partition.rs"]
mod partition;
#[path = "networks/post.rs"]
mod post;
#[path = "networks/shaper.rs"]
mod shaper;
#[path = "networks/slow_links.rs"]
mod slow_links;
