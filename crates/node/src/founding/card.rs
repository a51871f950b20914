//! The card: what a bureau tells the others before there is a network. Public, signed by its own signing key.

use ecomesh_record::charter::CharterMember;
use ecomesh_record::codec;
use ecomesh_record::limits::{ADDRESSES_MAX, NAME_BYTES_MAX, PREKEY_BYTES_MAX};
use ecomesh_record::{MemberId, Role};
use ecomesh_seal::{KeyError, Prekey, PublicKey, Signature, SigningKey};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::text::{bytes, hex, quoted, quoted_list, role_by_name, role_name};
use crate::address::{Address, AddressError};

/// The version of the card's layout.
const FORMAT: u32 = 1;
/// More than any card's canonical bytes: names, eight addresses, a prekey.
const WIRE_BYTES_MAX: usize = 8 * 1024;

/// A bureau's public card. A value of this type has a good signature and keys that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The member.
    pub member: MemberId,
    /// The bureau's name, for people; 1 to 128 bytes.
    pub name: String,
    /// See [`Role`].
    pub role: u8,
    /// Signs the member's records of generation 0, and this card.
    pub signing_key: PublicKey,
    /// Behind the libp2p peer id with which the node starts.
    pub transport_key: PublicKey,
    /// Three, of which two open a new generation after loss or theft; or none.
    pub recovery_keys: Vec<PublicKey>,
    /// For sealed bodies, until the bureau publishes another; empty on the cards of older versions. At most 2 KiB.
    pub fallback_prekey: Vec<u8>,
    /// Where others reach the node; at most 8.
    pub addresses: Vec<Address>,
    /// By `signing_key`.
    pub signature: Signature,
}

/// What stands on a card before it is signed.
#[derive(Clone, Debug)]
pub struct CardContent {
    /// See [`Card::member`].
    pub member: MemberId,
    /// See [`Card::name`].
    pub name: String,
    /// See [`Card::role`].
    pub role: u8,
    /// See [`Card::transport_key`].
    pub transport_key: PublicKey,
    /// See [`Card::recovery_keys`].
    pub recovery_keys: Vec<PublicKey>,
    /// See [`Card::fallback_prekey`].
    pub fallback_prekey: Vec<u8>,
    /// See [`Card::addresses`].
    pub addresses: Vec<Address>,
}

/// Why a text is no card. Its bureau sends it again, or makes a new one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CardError {
    /// No TOML, or not with the keys of a card.
    #[error("this is no card: {0}; give the card.toml that `ecomesh keygen` wrote")]
    Syntax(String),
    /// Another version of the layout.
    #[error("the card has format {0}; this software reads format {FORMAT}")]
    UnknownFormat(u32),
    /// A field with a wrong value.
    #[error("the card's {field} is wrong: {reason}; ask the bureau for its card again")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A key that nobody may use.
    #[error("the card's {field} is refused: {reason}; the bureau must make new keys")]
    Key {
        /// The field.
        field: &'static str,
        /// Why.
        reason: KeyError,
    },
    /// Changed after it was signed.
    #[error(
        "the card of {0} was changed after it was signed; ask {0} for it again, and compare the fingerprint"
    )]
    Signature(MemberId),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardText {
    format: u32,
    member: String,
    name: String,
    role: String,
    signing_key: String,
    transport_key: String,
    recovery_keys: Vec<String>,
    #[serde(default)]
    fallback_prekey: String,
    addresses: Vec<String>,
    signature: String,
}

/// What is hashed and signed.
#[derive(Serialize)]
struct CardWire {
    format: u32,
    member: CharterMember,
    addresses: Vec<String>,
}

impl Card {
    /// Longest text of a card in bytes.
    pub const BYTES_MAX: u64 = 16 * 1024;

    /// Makes and signs a card.
    ///
    /// # Errors
    /// [`CardError::Field`] for a name, role or address that no card may have.
    pub fn sign(content: CardContent, key: &SigningKey) -> Result<Self, CardError> {
        let CardContent { member, name, role, transport_key, recovery_keys, fallback_prekey, addresses } =
            content;
        let mut card = Self {
            member,
            name,
            role,
            signing_key: key.public(),
            transport_key,
            recovery_keys,
            fallback_prekey,
            addresses,
            signature: Signature([0; 64]),
        };
        card.check()?;
        card.signature = key.sign_card(&card.hash()?);
        Ok(card)
    }

    /// Reads a card and checks everything: form, bounds, keys, signature.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let raw: CardText =
            toml::from_str(text).map_err(|e| CardError::Syntax(e.to_string().trim_end().into()))?;
        if raw.format != FORMAT {
            return Err(CardError::UnknownFormat(raw.format));
        }
        let member = MemberId::parse(&raw.member).map_err(|e| field("member", &e))?;
        let recovery_keys =
            raw.recovery_keys.iter().map(|k| key("recovery key", k)).collect::<Result<_, _>>()?;
        let addresses = raw.addresses.iter().map(|a| Address::parse_diallable(a));
        let addresses = addresses.collect::<Result<_, AddressError>>().map_err(|e| field("address", &e))?;
        let card = Self {
            member,
            role: role_by_name(&raw.role).ok_or_else(|| field("role", &"it is not known"))?,
            name: raw.name,
            signing_key: key("signing key", &raw.signing_key)?,
            transport_key: key("transport key", &raw.transport_key)?,
            recovery_keys,
            fallback_prekey: hex::decode(&raw.fallback_prekey).map_err(|e| field("fallback prekey", &e))?,
            addresses,
            signature: Signature(bytes(&raw.signature).ok_or_else(|| field("signature", &DIGITS_128))?),
        };
        card.check()?;
        let verified = card.signing_key.verify_card(&card.hash()?, &card.signature);
        verified.map_err(|_| CardError::Signature(member))?;
        Ok(card)
    }

    /// The text of `card.toml`.
    pub fn to_text(&self) -> String {
        let recovery: Vec<String> = self.recovery_keys.iter().map(|k| hex(k.as_bytes())).collect();
        let addresses: Vec<String> = self.addresses.iter().map(Address::to_string).collect();
        format!(
            "# The public card of a bureau: send it to the other founders. It holds no secret.\n\
             # Fingerprint of the signing key, to compare over the telephone:\n\
             #   {fingerprint}\n\
             format = {FORMAT}\n\
             member = {member}\n\
             name = {name}\n\
             role = {role}\n\
             signing_key = \"{signing}\"\n\
             transport_key = \"{transport}\"\n\
             recovery_keys = {recovery}\n\
             fallback_prekey = \"{prekey}\"\n\
             addresses = {addresses}\n\
             signature = \"{signature}\"\n",
            fingerprint = self.signing_key.fingerprint(),
            member = quoted(self.member.as_str()),
            name = quoted(&self.name),
            role = quoted(&role_name(self.role)),
            signing = hex(self.signing_key.as_bytes()),
            transport = hex(self.transport_key.as_bytes()),
            recovery = quoted_list(&recovery),
            prekey = hex(&self.fallback_prekey),
            addresses = quoted_list(&addresses),
            signature = self.signature,
        )
    }

    /// The member's entry in a charter.
    pub fn to_member(&self) -> CharterMember {
        CharterMember {
            member: self.member,
            role: self.role,
            name: self.name.clone(),
            signing_key: *self.signing_key.as_bytes(),
            recovery_keys: self.recovery_keys.iter().map(|key| *key.as_bytes()).collect(),
            fallback_prekey: ByteBuf::from(self.fallback_prekey.clone()),
            transport_key: *self.transport_key.as_bytes(),
            ext: Vec::new(),
        }
    }

    /// SHA-256 over the canonical bytes of format, member and addresses. The tag is in the signature.
    fn hash(&self) -> Result<[u8; 32], CardError> {
        let addresses = self.addresses.iter().map(Address::to_string).collect();
        let wire = CardWire { format: FORMAT, member: self.to_member(), addresses };
        let bytes = codec::encode(&wire, WIRE_BYTES_MAX).map_err(|e| field("size", &e))?;
        Ok(Sha256::digest(bytes).into())
    }

    fn check(&self) -> Result<(), CardError> {
        if self.name.trim().is_empty()
            || self.name.len() > NAME_BYTES_MAX
            || self.name.chars().any(char::is_control)
        {
            return Err(field("name", &"it is empty, longer than 128 bytes, or has control characters"));
        }
        let fits = match Role(self.role) {
            Role::COUNTRY => self.member.is_country(),
            Role::ENTITY => !self.member.is_country(),
            _ => true,
        };
        if !fits {
            return Err(field("role", &"a country has 2 letters, an entity 3 to 8"));
        }
        if !matches!(self.recovery_keys.len(), 0 | 3) {
            return Err(field("recovery keys", &"there are three or none"));
        }
        if self.fallback_prekey.len() > PREKEY_BYTES_MAX {
            return Err(field("fallback prekey", &"it is longer than 2 KiB"));
        }
        // A card of before there were prekeys has none.
        if !self.fallback_prekey.is_empty() {
            Prekey::admit(&self.fallback_prekey).map_err(|e| field("fallback prekey", &e))?;
        }
        if self.addresses.len() > ADDRESSES_MAX {
            return Err(field("addresses", &"there are more than 8"));
        }
        Ok(())
    }
}

const DIGITS_64: &str = "it is not 64 hexadecimal digits";
const DIGITS_128: &str = "it is not 128 hexadecimal digits";

fn field(field: &'static str, reason: &impl ToString) -> CardError {
    CardError::Field { field, reason: reason.to_string() }
}

fn key(name: &'static str, text: &str) -> Result<PublicKey, CardError> {
    let bytes = bytes(text).ok_or_else(|| field(name, &DIGITS_64))?;
    PublicKey::admit(bytes).map_err(|reason| CardError::Key { field: name, reason })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ecomesh_seal::PrekeySecret;

    pub(in crate::founding) fn key_of(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    pub(in crate::founding) fn content(member: &str, seed: u8) -> CardContent {
        let member = MemberId::parse(member).unwrap();
        CardContent {
            member,
            name: format!("NCB of {member}"),
            role: if member.is_country() { 0 } else { 1 },
            transport_key: key_of(seed + 1).public(),
            recovery_keys: (2..5).map(|i| key_of(seed + i).public()).collect(),
            fallback_prekey: Vec::new(),
            addresses: vec![Address::parse("/ip4/192.0.2.10/tcp/4001").unwrap()],
        }
    }

    pub(in crate::founding) fn card(member: &str, seed: u8) -> Card {
        Card::sign(content(member, seed), &key_of(seed)).unwrap()
    }

    #[test]
    fn a_card_survives_its_text() {
        let card = card("KE", 10);
        assert_eq!(Card::parse(&card.to_text()), Ok(card.clone()));
        let dull = Card::sign(
            CardContent {
                addresses: vec![],
                recovery_keys: vec![],
                name: "\"x\" \\ مكتب".into(),
                ..content("CITES", 10)
            },
            &key_of(10),
        );
        let dull = dull.unwrap();
        assert_eq!(Card::parse(&dull.to_text()), Ok(dull));
    }

    #[test]
    fn every_change_of_a_card_is_seen() {
        let card = card("KE", 10);
        let text = card.to_text();
        let changed = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            Card::parse(&text.replace(from, to)).unwrap_err()
        };
        let ke = card.member;
        assert_eq!(changed("NCB of KE", "NCB of KF"), CardError::Signature(ke));
        assert_eq!(
            changed("member = \"KE\"", "member = \"TZ\""),
            CardError::Signature(MemberId::parse("TZ").unwrap())
        );
        assert_eq!(changed("192.0.2.10", "192.0.2.11"), CardError::Signature(ke));
        assert_eq!(changed("role = \"country\"", "role = \"keeper\""), CardError::Signature(ke));
        let other = hex(key_of(99).public().as_bytes());
        for key in [card.signing_key, card.transport_key, card.recovery_keys[2]] {
            assert_eq!(changed(&hex(key.as_bytes()), &other), CardError::Signature(ke));
        }
        let mut sealed = content("KE", 10);
        sealed.fallback_prekey = PrekeySecret::from_seed(&[7; PrekeySecret::BYTES]).public().to_bytes();
        let with_prekey = Card::sign(sealed, &key_of(10)).unwrap();
        assert_eq!(Card::parse(&with_prekey.to_text()), Ok(with_prekey.clone()));
        let other = hex(&PrekeySecret::from_seed(&[8; PrekeySecret::BYTES]).public().to_bytes());
        let swapped = with_prekey.to_text().replace(&hex(&with_prekey.fallback_prekey), &other);
        assert_eq!(Card::parse(&swapped), Err(CardError::Signature(ke)));
        let flipped = if text.contains("signature = \"0") { "signature = \"1" } else { "signature = \"0" };
        let from = &text[text.find("signature = \"").unwrap()..][..14];
        assert_eq!(changed(from, flipped), CardError::Signature(ke));
    }

    #[test]
    fn what_no_card_may_hold_is_named() {
        let text = card("KE", 10).to_text();
        let read = |from: &str, to: &str| Card::parse(&text.replace(from, to)).unwrap_err();
        let wrong = |field, reason: &str| CardError::Field { field, reason: reason.into() };
        assert_eq!(read("format = 1", "format = 2"), CardError::UnknownFormat(2));
        assert_eq!(
            read("NCB of KE", ""),
            wrong("name", "it is empty, longer than 128 bytes, or has control characters")
        );
        assert_eq!(
            read("\"country\"", "\"entity\""),
            wrong("role", "a country has 2 letters, an entity 3 to 8")
        );
        assert_eq!(read("\"country\"", "\"king\""), wrong("role", "it is not known"));
        assert_eq!(
            read("tcp/4001", "tcp/0"),
            wrong(
                "address",
                "/ip4/192.0.2.10/tcp/0 cannot be dialled: give the IP address and the port at which other bureaus reach this node"
            )
        );
        assert_eq!(
            read("fallback_prekey = \"\"", "fallback_prekey = \"00\""),
            wrong("fallback prekey", "a prekey is 1216 bytes, not 1")
        );
        let weak = hex(&[0; 32]);
        let signing = hex(key_of(10).public().as_bytes());
        assert_eq!(read(&signing, &weak), CardError::Key { field: "signing key", reason: KeyError::Weak });
        assert_eq!(read(&signing, "00"), wrong("signing key", DIGITS_64));
        assert_eq!(read("signature = \"", "signature = \"zz"), wrong("signature", DIGITS_128));
    }

    #[test]
    fn garbage_is_no_card() {
        let text = card("KE", 10).to_text();
        for garbage in ["", "\u{0}", "format = 1", "= = =", "[[[[[", &format!("{text}\nunknown = 1\n")] {
            assert!(matches!(Card::parse(garbage), Err(CardError::Syntax(_))), "{garbage}");
        }
        for end in 0..text.trim_end().len() {
            assert!(Card::parse(&text[..end]).is_err(), "cut at {end}");
        }
    }
}
