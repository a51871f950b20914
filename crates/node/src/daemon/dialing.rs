//! Whom to dial: everyone in a small network, some in a large one.

use std::collections::BTreeMap;

use ecomesh_protocol::Roster;
use ecomesh_record::MemberId;
use sha2::{Digest, Sha256};

use crate::config::NodeConfig;

/// Up to so many other members, everyone is dialled.
const EVERYONE_MAX: usize = 14;

/// Where each other member may be reached: the charter's addresses, then those of the configuration.
pub(crate) fn addresses(
    roster: &Roster,
    config: &NodeConfig,
    own: MemberId,
) -> BTreeMap<MemberId, Vec<String>> {
    let mut all: BTreeMap<MemberId, Vec<String>> = BTreeMap::new();
    for member in roster.members().map(|m| m.member).filter(|member| *member != own) {
        all.insert(member, roster.addresses(member).to_vec());
    }
    for (member, extra) in config.extra_addresses() {
        let Some(list) = all.get_mut(&member) else {
            if member != own {
                tracing::warn!(%member, "net.addresses names a bureau that is no member; its addresses are not used");
            }
            continue;
        };
        for address in extra {
            if !list.contains(address) {
                list.push(address.clone());
            }
        }
    }
    all
}

/// The addresses for the network's redialer, each with a number that names its member.
///
/// In a large network a node dials its successors at distances 1, 2, 4, … in the roster's order, which alone hold
/// the mesh together with some log₂ n hops, and members drawn by `seed`, twice as many in all as it wants links:
/// some are always down.
pub(crate) fn choose(
    all: &BTreeMap<MemberId, Vec<String>>,
    own: MemberId,
    links: usize,
    seed: [u8; 16],
) -> Vec<(u64, String)> {
    let others: Vec<MemberId> = all.iter().filter(|(_, list)| !list.is_empty()).map(|(m, _)| *m).collect();
    let mut chosen = others.clone();
    if others.len() > EVERYONE_MAX.max(links) {
        chosen = successors(&others, own);
        let mut drawn: Vec<MemberId> = others.into_iter().filter(|m| !chosen.contains(m)).collect();
        drawn.sort_by_cached_key(|member| draw(seed, *member));
        let room = (2 * links).saturating_sub(chosen.len());
        chosen.extend(drawn.into_iter().take(room));
    }
    let numbered = (0..).zip(all.keys()).filter(|(_, member)| chosen.contains(member));
    numbered.flat_map(|(n, member)| all[member].iter().map(move |address| (n, address.clone()))).collect()
}

/// Members at distances 1, 2, 4, … behind the own one, around the circle.
fn successors(others: &[MemberId], own: MemberId) -> Vec<MemberId> {
    let start = others.partition_point(|member| *member < own);
    let distances = std::iter::successors(Some(1), |distance: &usize| distance.checked_mul(2));
    let within = distances.take_while(|distance| *distance <= others.len());
    within.filter_map(|distance| others.get((start + distance - 1) % others.len()).copied()).collect()
}

fn draw(seed: [u8; 16], member: MemberId) -> [u8; 32] {
    Sha256::new().chain_update(seed).chain_update(member.as_bytes()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(n: usize) -> Vec<MemberId> {
        let letter = |i: usize| char::from(b'A' + u8::try_from(i % 26).unwrap());
        let mut all: Vec<MemberId> =
            (0..n).map(|i| MemberId::parse(&format!("{}{}", letter(i / 26), letter(i))).unwrap()).collect();
        all.sort_unstable();
        all
    }

    fn others(all: &[MemberId], own: MemberId) -> BTreeMap<MemberId, Vec<String>> {
        let others = all.iter().filter(|member| **member != own);
        others.map(|member| (*member, vec![format!("/ip4/127.0.0.1/tcp/{}", member.as_bytes()[0])])).collect()
    }

    #[test]
    fn a_small_network_dials_everyone() {
        let all = members(15);
        assert_eq!(choose(&others(&all, all[3]), all[3], 14, [0; 16]).len(), 14);
    }

    #[test]
    fn a_large_network_dials_some_and_stays_in_one_piece() {
        let all = members(196);
        let mut reached = std::collections::BTreeSet::from([all[0]]);
        let mut waiting = vec![all[0]];
        while let Some(own) = waiting.pop() {
            let others = others(&all, own);
            assert_eq!(choose(&others, own, 14, [7; 16]).len(), 28);
            let list: Vec<MemberId> = others.keys().copied().collect();
            for next in successors(&list, own) {
                if reached.insert(next) {
                    waiting.push(next);
                }
            }
        }
        assert_eq!(reached.len(), 196);
    }

    #[test]
    fn another_seed_draws_others() {
        let all = members(100);
        let others = others(&all, all[0]);
        assert_ne!(choose(&others, all[0], 14, [1; 16]), choose(&others, all[0], 14, [2; 16]));
        assert_eq!(choose(&others, all[0], 14, [1; 16]), choose(&others, all[0], 14, [1; 16]));
    }
}
