//! As of when the data of the other members are current here.

use ecomesh_api::AsOfView;
use ecomesh_protocol::core::PeerStatus;
use ecomesh_record::Time;

/// A link that is dead is noticed within this, in milliseconds: a ping every 15 seconds is answered within 20.
const LINK_LAG_MS: u64 = 60 * 1000;

/// As of when what is here of a member is all that it has. A node says what it holds when that changes, so in a quiet network its
/// last word may be hours old; over a live link it would have said anything new.
pub(super) fn of(peer: &PeerStatus, now: Time) -> AsOfView {
    let heard = peer.last_frontier_at.map(|time| time.0);
    let is_live = peer.connected && peer.ahead == 0;
    let linked = heard.filter(|_| is_live).map(|heard| heard.max(now.0.saturating_sub(LINK_LAG_MS)));
    AsOfView { member: peer.member.to_string(), at_ms: linked.or(heard), missing: peer.ahead }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecomesh_record::MemberId;

    #[test]
    fn a_quiet_member_is_current_as_long_as_its_link_lives_and_nothing_is_missing() {
        let now = Time(1_800_000_000_000);
        let hours_ago = now.0 - 5 * 60 * 60 * 1000;
        let of = |connected, ahead, heard: Option<u64>| {
            let peer = PeerStatus {
                member: MemberId::parse("KE").unwrap(),
                peer: None,
                connected,
                behind: 0,
                ahead,
                last_frontier_at: heard.map(Time),
                clock_skew_ms: None,
                blocked_ms: None,
                blame_count: 0,
                last_blame: None,
                over_budget: false,
            };
            of(&peer, now).at_ms
        };
        assert_eq!(of(true, 0, Some(hours_ago)), Some(now.0 - LINK_LAG_MS));
        assert_eq!(of(true, 0, Some(now.0 - 1_000)), Some(now.0 - 1_000));
        assert_eq!(of(false, 0, Some(hours_ago)), Some(hours_ago));
        assert_eq!(of(true, 3, Some(hours_ago)), Some(hours_ago));
        assert_eq!(of(true, 0, None), None);
    }
}
