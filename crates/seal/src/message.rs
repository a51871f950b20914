//! What is signed, byte for byte. The only place where a tag meets the fields after it.
//!
//! Every message is `tag ‖ network (32) ‖ fields`, each field of fixed width, integers big-endian. The card is made
//! before there is a network, so it has no network id. No tag is a prefix of another, hence no message of one
//! purpose is a message of another, whatever its fields are.

use ecomesh_record::{MemberId, NetworkId, RecordId, tags};

/// `tag ‖ network ‖ record id (32)`.
pub(crate) fn record(network: NetworkId, id: RecordId) -> Vec<u8> {
    [tags::RECORD_SIGNATURE, network.as_bytes(), id.as_bytes()].concat()
}

/// `tag ‖ network ‖ frontier hash (32)`.
pub(crate) fn frontier(network: NetworkId, hash: &[u8; 32]) -> Vec<u8> {
    [tags::FRONTIER_SIGNATURE, network.as_bytes(), hash].concat()
}

/// `tag ‖ network`: the network id is the hash of the charter.
pub(crate) fn charter(network: NetworkId) -> Vec<u8> {
    [tags::CHARTER_SIGNATURE, network.as_bytes()].concat()
}

/// `tag ‖ card hash (32)`.
pub(crate) fn card(hash: &[u8; 32]) -> Vec<u8> {
    [tags::CARD_SIGNATURE, hash.as_slice()].concat()
}

/// `tag ‖ network ‖ member (8) ‖ transport key (32) ‖ counter (8)`.
pub(crate) fn transport(
    network: NetworkId,
    member: MemberId,
    transport_key: &[u8; 32],
    counter: u64,
) -> Vec<u8> {
    [tags::TRANSPORT_SIGNATURE, network.as_bytes(), member.as_bytes(), transport_key, &counter.to_be_bytes()]
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: NetworkId = NetworkId([0x11; 32]);

    #[test]
    fn messages_are_as_the_protocol_says() {
        let (n, x) = ("11".repeat(32), "22".repeat(32));
        let member = MemberId::parse("KE").unwrap();
        let text = |tag: &str| hex::encode(tag);
        let cases = [
            (record(NETWORK, RecordId([0x22; 32])), text("ecomesh/1/sign/record") + &n + &x),
            (frontier(NETWORK, &[0x22; 32]), text("ecomesh/1/sign/frontier") + &n + &x),
            (charter(NETWORK), text("ecomesh/1/sign/charter") + &n),
            (card(&[0x22; 32]), text("ecomesh/1/sign/card") + &x),
            (
                transport(NETWORK, member, &[0x22; 32], 0x0102),
                text("ecomesh/1/sign/transport") + &n + "4b45000000000000" + &x + "0000000000000102",
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(hex::encode(message), expected);
        }
    }
}
