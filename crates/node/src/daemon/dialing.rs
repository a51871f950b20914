//! Whom to dial, and where. The network dials some of them, and others from time to time.

use std::collections::BTreeMap;

use ecomesh_protocol::Roster;
use ecomesh_record::MemberId;

use crate::config::NodeConfig;

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

/// The number that names each member at the network.
pub(crate) fn tags(all: &BTreeMap<MemberId, Vec<String>>) -> BTreeMap<MemberId, u64> {
    all.keys().copied().zip(0..).collect()
}

/// The addresses for the network's redialer, each with the number that names its member.
pub(crate) fn tagged(all: &BTreeMap<MemberId, Vec<String>>) -> Vec<(u64, String)> {
    let tags = tags(all);
    all.iter().flat_map(|(member, list)| list.iter().map(|address| (tags[member], address.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_names_its_member() {
        let member = |name| MemberId::parse(name).unwrap();
        let (ke, tz) = (member("KE"), member("TZ"));
        let list = |ports: &[u16]| ports.iter().map(|port| format!("/ip4/127.0.0.1/tcp/{port}")).collect();
        let all = BTreeMap::from([(ke, list(&[1, 2])), (tz, list(&[3])), (member("XX"), Vec::new())]);
        let tags = tags(&all);
        let named: Vec<(u64, String)> = tagged(&all);
        assert_eq!(
            named.iter().map(|(tag, _)| *tag).collect::<Vec<u64>>(),
            [tags[&ke], tags[&ke], tags[&tz]]
        );
        assert_ne!(tags[&ke], tags[&tz]);
    }
}
