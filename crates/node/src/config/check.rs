//! Bounds of the settings. All of them are checked, so that an operator corrects a file once.

use std::fmt;
use std::net::SocketAddr;

use ecomesh_record::limits::{ADDRESSES_MAX, MEMBERS_MAX};

use super::NodeConfig;
use crate::address::Address;

/// Most threads of the verify pool.
pub(super) const VERIFY_THREADS_MAX: usize = 64;
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// One value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Section and key, such as `net.links`.
    pub key: &'static str,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}

pub(super) fn problems(config: &NodeConfig) -> Vec<Problem> {
    let mut list = Problems(Vec::new());
    numbers(config, &mut list);
    addresses(config, &mut list);
    api(config, &mut list);
    level(&config.log.level, &mut list);
    list.0
}

struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, key: &'static str, text: impl Into<String>) {
        self.0.push(Problem { key, text: text.into() });
    }

    fn range(&mut self, key: &'static str, value: u64, min: u64, max: u64) {
        if !(min..=max).contains(&value) {
            self.add(key, format!("{value} is not between {min} and {max}"));
        }
    }
}

fn numbers(config: &NodeConfig, list: &mut Problems) {
    let NodeConfig { net, api, store, databases, verify, limits, .. } = config;
    list.range("net.links", net.links as u64, 1, 64);
    list.range("net.connections_max", net.connections_max.into(), 8, 4096);
    list.range("net.strangers_max", net.strangers_max as u64, 1, 256);
    list.range("net.strangers_per_ip_max", net.strangers_per_ip_max as u64, 1, 256);
    list.range("net.memory_mib", net.memory_mib, 64, 65_536);
    list.range("net.redial_ms_min", net.redial_ms_min, 50, 60_000);
    // Below its own minimum a backoff would not back off.
    list.range("net.redial_ms_max", net.redial_ms_max, net.redial_ms_min.max(50), 3_600_000);
    list.range("api.event_clients_max", api.event_clients_max as u64, 1, 1024);
    list.range("api.requests_max", api.requests_max as u64, 1, 1024);
    list.range("store.cache_mib", store.cache_mib, 8, 65_536);
    list.range("store.ballast_mib", store.ballast_mib, 1, 65_536);
    list.range("databases.rewrite_after_h", databases.rewrite_after_h, 0, 600);
    list.range("verify.threads", verify.threads as u64, 0, VERIFY_THREADS_MAX as u64);
    list.range("verify.queue", verify.queue as u64, 16, 65_536);
    list.range("limits.core_queue", limits.core_queue as u64, 16, 65_536);
    list.range("limits.batch_inputs", limits.batch_inputs as u64, 1, 4096);
    list.range("limits.recovery_s", limits.recovery_s, 0, 600);
    list.range("limits.stop_ms", limits.stop_ms, 100, 60_000);
    list.range("limits.import_mib", limits.import_mib, 1, 1_048_576);
}

fn addresses(config: &NodeConfig, list: &mut Problems) {
    let net = &config.net;
    if net.listen.len() > ADDRESSES_MAX {
        list.add("net.listen", format!("{} addresses; at most {ADDRESSES_MAX}", net.listen.len()));
    }
    for text in &net.listen {
        if let Err(error) = Address::parse(text) {
            list.add("net.listen", error.to_string());
        }
    }
    if net.addresses.len() > MEMBERS_MAX {
        list.add("net.addresses", format!("{} members; at most {MEMBERS_MAX}", net.addresses.len()));
    }
    for (member, addresses) in config.extra_addresses() {
        if addresses.len() > ADDRESSES_MAX {
            list.add(
                "net.addresses",
                format!("{} addresses of {member}; at most {ADDRESSES_MAX}", addresses.len()),
            );
        }
        for text in addresses {
            if let Err(error) = Address::parse_diallable(text) {
                list.add("net.addresses", format!("{member}: {error}"));
            }
        }
    }
}

fn api(config: &NodeConfig, list: &mut Problems) {
    let tcp = &config.api.tcp;
    if tcp.is_empty() {
        if !config.api.socket {
            list.add(
                "api.socket",
                "false, and api.tcp is empty: nobody could talk to the node; switch one on",
            );
        }
        return;
    }
    match tcp.parse::<SocketAddr>() {
        // The token travels in clear text: it must not leave the machine.
        Ok(address) if !address.ip().is_loopback() => list.add(
            "api.tcp",
            format!("{tcp} can be reached from other machines; use 127.0.0.1 or [::1], and a proxy with TLS"),
        ),
        Ok(_) => {}
        Err(_) => list.add("api.tcp", format!("{tcp:?} is no address and port, such as 127.0.0.1:7420")),
    }
}

/// A level, or a comma-separated list of `target=level` with at most one level alone.
fn level(text: &str, list: &mut Problems) {
    let known = |level: &str| LEVELS.contains(&level);
    let good = |part: &str| match part.split_once('=') {
        None => known(part),
        Some((target, level)) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            !target.is_empty() && target.chars().all(plain) && known(level)
        }
    };
    if text.len() > 1024 || !text.split(',').all(|part| good(part.trim())) {
        list.add(
            "log.level",
            "not understood; write error, warn, info, debug or trace, or a list such as info,ecomesh_net=debug",
        );
    }
}
