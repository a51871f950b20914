//! Signatures of a draft, and the founding of the network from all of them.

use std::path::{Path, PathBuf};

use ecomesh_protocol::Roster;
use ecomesh_protocol::roster::FoundingError;
use ecomesh_record::charter::{CharterError, FoundedCharter, FounderSignature};
use ecomesh_record::review::PILOTS;
use ecomesh_record::{MemberId, NetworkId};
use ecomesh_seal::{Identity, PublicKey, Signature, fingerprint};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use thiserror::Error;

use super::card::Card;
use super::draft::Draft;
use super::text::{bytes, hex, quoted};
use crate::address::Address;

/// The version of the signature file's layout.
const FORMAT: u32 = 1;

/// A founder's signature of a draft: the content of `KE.sig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFile {
    /// Who signs.
    pub member: MemberId,
    /// What: the network id of the draft.
    pub network: NetworkId,
    /// By the member's signing key.
    pub signature: Signature,
}

/// Why a founder's node does not sign a draft.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignError {
    /// The member is not in the draft.
    #[error("{0} is not in this charter; ask who drafted it to add your card.toml")]
    NotInCharter(MemberId),
    /// The draft has something else than the card.
    #[error(
        "this charter has another {field} of {member} than the card of this node; do not sign it: send your \
         card.toml again to who drafted it, and ask how that came about"
    )]
    Differs {
        /// The own member.
        member: MemberId,
        /// What differs.
        field: &'static str,
    },
    /// The keys are not those of the card.
    #[error("the keys of this node are not those of its card; take both from one backup")]
    KeysDiffer,
}

/// Why a text is no signature file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureFileError {
    /// No TOML, or not with the keys of a signature.
    #[error("this is no signature of a charter: {0}; give the file that `ecomesh charter sign` wrote")]
    Syntax(String),
    /// Another version of the layout.
    #[error("the signature has format {0}; this software reads format {FORMAT}")]
    UnknownFormat(u32),
    /// A field with a wrong value.
    #[error("{0} is wrong; ask the founder for the file again")]
    Field(&'static str),
}

/// Why a draft and signatures found no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FoundError {
    /// A signature of another charter.
    #[error(
        "{path}: {member} signed another charter (fingerprint {fingerprint}); ask {member} to sign this one"
    )]
    OtherCharter {
        /// The file.
        path: PathBuf,
        /// Who signed.
        member: MemberId,
        /// What was signed.
        fingerprint: String,
    },
    /// Two signatures of one founder.
    #[error("{first} and {second} are both signatures of {member}; give only one")]
    Doubled {
        /// Who signed twice.
        member: MemberId,
        /// The one file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A signature by someone who is no founder.
    #[error("{path}: {member} signed, but is not in the charter; leave this file out")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Who signed.
        member: MemberId,
    },
    /// A signature that does not verify.
    #[error("{path}: the signature of {member} is wrong; ask {member} to sign again")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Whose signature it should be.
        member: MemberId,
    },
    /// Founders who have not signed: all of them.
    #[error("the signatures of {} are missing; each of them runs `ecomesh charter sign` on this very charter", names(.0))]
    Missing(Vec<MemberId>),
    /// No network may be so.
    #[error(transparent)]
    Founding(#[from] FoundingError),
    /// No charter may be so.
    #[error(transparent)]
    Charter(#[from] CharterError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureText {
    format: u32,
    member: String,
    network: String,
    fingerprint: String,
    signature: String,
}

/// Signs a draft that has exactly what stands on the own card.
///
/// # Errors
/// [`SignError`].
pub fn sign(draft: &Draft, card: &Card, identity: &Identity) -> Result<SignatureFile, SignError> {
    let member = card.member;
    let ours = card.to_member();
    let theirs = draft.charter.member(member).ok_or(SignError::NotInCharter(member))?;
    let hints = draft.addresses.iter().find(|(m, _)| *m == member).map(|(_, list)| list.as_slice());
    let addresses: Vec<String> = card.addresses.iter().map(Address::to_string).collect();
    let fields = [
        ("signing key", ours.signing_key == theirs.signing_key),
        ("transport key", ours.transport_key == theirs.transport_key),
        ("recovery keys", ours.recovery_keys == theirs.recovery_keys),
        ("fallback prekey", ours.fallback_prekey == theirs.fallback_prekey),
        ("name", ours.name == theirs.name),
        ("role", ours.role == theirs.role),
        ("extension", stated(&ours.ext) == stated(&theirs.ext)),
        ("address", addresses == hints.unwrap_or_default()),
    ];
    if let Some((field, _)) = fields.into_iter().find(|(_, same)| !same) {
        return Err(SignError::Differs { member, field });
    }
    if identity.signing_key().public() != card.signing_key {
        return Err(SignError::KeysDiffer);
    }
    let signature = identity.signing_key().sign_charter(draft.network);
    Ok(SignatureFile { member, network: draft.network, signature })
}

/// What a member states of itself. In which pilots it takes part is not on its card: the draft says it, in words that whoever signs
/// it reads.
fn stated(ext: &[(u16, ByteBuf)]) -> Vec<&(u16, ByteBuf)> {
    ext.iter().filter(|(kind, _)| *kind != PILOTS).collect()
}

/// Founds the network: a draft and one signature of every founder, each with the name of its file.
///
/// # Errors
/// [`FoundError`], naming file and founder.
pub fn found(draft: &Draft, signatures: &[(PathBuf, SignatureFile)]) -> Result<FoundedCharter, FoundError> {
    let mut good: Vec<(MemberId, &Path, Signature)> = Vec::with_capacity(signatures.len());
    for (path, file) in signatures {
        check_signature(draft, path, file)?;
        if let Some((_, first, _)) = good.iter().find(|(member, _, _)| *member == file.member) {
            let (first, second) = (first.to_path_buf(), path.clone());
            return Err(FoundError::Doubled { member: file.member, first, second });
        }
        good.push((file.member, path, file.signature));
    }
    good.sort_by_key(|(member, _, _)| *member);
    let signed = |member| good.iter().any(|(m, _, _)| *m == member);
    let missing: Vec<_> = draft.charter.members.iter().map(|m| m.member).filter(|m| !signed(*m)).collect();
    if !missing.is_empty() {
        return Err(FoundError::Missing(missing));
    }
    let signature =
        |(member, _, s): &(MemberId, &Path, Signature)| FounderSignature { member: *member, signature: s.0 };
    let founded = FoundedCharter {
        charter: ByteBuf::from(draft.charter.encode()?),
        addresses: draft.addresses.clone(),
        signatures: good.iter().map(signature).collect(),
    };
    // What the founders' nodes will check when they join: every key too.
    Roster::found(founded.clone())?;
    Ok(founded)
}

fn check_signature(draft: &Draft, path: &Path, file: &SignatureFile) -> Result<(), FoundError> {
    let member = file.member;
    if file.network != draft.network {
        let fingerprint = fingerprint(file.network.as_bytes());
        return Err(FoundError::OtherCharter { path: path.into(), member, fingerprint });
    }
    let Some(founder) = draft.charter.member(member) else {
        return Err(FoundError::Unknown { path: path.into(), member });
    };
    let key = PublicKey::admit(founder.signing_key);
    let key = key.map_err(|reason| FoundingError::Key { member, what: "signing", reason })?;
    key.verify_charter(draft.network, &file.signature)
        .map_err(|_| FoundError::Wrong { path: path.into(), member })
}

impl SignatureFile {
    /// Longest text of a signature file in bytes.
    pub const BYTES_MAX: u64 = 4096;

    /// Reads a signature file. Whether the signature is good is checked by [`found`].
    ///
    /// # Errors
    /// [`SignatureFileError`].
    pub fn parse(text: &str) -> Result<Self, SignatureFileError> {
        let raw: SignatureText =
            toml::from_str(text).map_err(|e| SignatureFileError::Syntax(e.to_string().trim_end().into()))?;
        if raw.format != FORMAT {
            return Err(SignatureFileError::UnknownFormat(raw.format));
        }
        let member = MemberId::parse(&raw.member).map_err(|_| SignatureFileError::Field("member"))?;
        let digits: String = raw.fingerprint.split(' ').collect();
        let network = bytes(&digits).map(NetworkId).ok_or(SignatureFileError::Field("fingerprint"))?;
        let signature = bytes(&raw.signature).map(Signature).ok_or(SignatureFileError::Field("signature"))?;
        Ok(Self { member, network, signature })
    }

    /// The text of the file; `name` is the network's name, for people.
    pub fn to_text(&self, name: &str) -> String {
        format!(
            "# {member} signs the charter of this network; send this file to who founds it.\n\
             format = {FORMAT}\n\
             member = {member_key}\n\
             network = {name}\n\
             fingerprint = {fingerprint}\n\
             signature = \"{signature}\"\n",
            member = self.member,
            member_key = quoted(self.member.as_str()),
            name = quoted(name),
            fingerprint = quoted(&fingerprint(self.network.as_bytes())),
            signature = hex(self.signature.as_bytes()),
        )
    }
}

fn names(members: &[MemberId]) -> String {
    members.iter().map(MemberId::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::founding::card::tests::card;
    use ecomesh_record::Time;

    fn identity(seed: u8) -> Identity {
        Identity::from_seeds(&[seed; 32], &[seed + 1; 32]).unwrap()
    }

    fn draft() -> Draft {
        Draft::new("Test", &[card("KE", 10), card("TZ", 20), card("TH", 30)], Time(1_764_000_000_000))
            .unwrap()
    }

    fn sig(draft: &Draft, member: &str, seed: u8) -> (PathBuf, SignatureFile) {
        let file = sign(draft, &card(member, seed), &identity(seed)).unwrap();
        (PathBuf::from(format!("{member}.sig")), file)
    }

    fn all(draft: &Draft) -> Vec<(PathBuf, SignatureFile)> {
        vec![sig(draft, "TZ", 20), sig(draft, "TH", 30), sig(draft, "KE", 10)]
    }

    fn id(name: &str) -> MemberId {
        MemberId::parse(name).unwrap()
    }

    #[test]
    fn signatures_in_any_order_found_the_network() {
        let draft = draft();
        let founded = found(&draft, &all(&draft)).unwrap();
        let roster = Roster::found(FoundedCharter::decode(&founded.encode().unwrap()).unwrap()).unwrap();
        assert_eq!(roster.network(), draft.network);
        assert_eq!(roster.addresses(id("KE")), ["/ip4/192.0.2.10/tcp/4001"]);
    }

    #[test]
    fn a_signature_survives_its_text() {
        let (_, file) = sig(&draft(), "KE", 10);
        let text = file.to_text("A \"network\"\n");
        assert_eq!(SignatureFile::parse(&text), Ok(file));
        for end in 0..text.trim_end().len() {
            assert!(SignatureFile::parse(&text[..end]).is_err(), "cut at {end}");
        }
        let read = |from: &str, to: &str| SignatureFile::parse(&text.replace(from, to)).unwrap_err();
        assert_eq!(read("format = 1", "format = 7"), SignatureFileError::UnknownFormat(7));
        assert_eq!(read("\"KE\"", "\"K\""), SignatureFileError::Field("member"));
        assert_eq!(read("fingerprint = \"", "fingerprint = \"0"), SignatureFileError::Field("fingerprint"));
        assert_eq!(read("signature = \"", "signature = \"0"), SignatureFileError::Field("signature"));
        assert!(matches!(read("format = 1", "format = 1\nmore = 2"), SignatureFileError::Syntax(_)));
    }

    #[test]
    fn a_missing_doubled_foreign_or_wrong_signature_is_named() {
        let draft = draft();
        let good = all(&draft);
        assert_eq!(found(&draft, &good[..1]), Err(FoundError::Missing(vec![id("KE"), id("TH")])));
        assert_eq!(found(&draft, &[]), Err(FoundError::Missing(vec![id("KE"), id("TH"), id("TZ")])));

        let mut doubled = good.clone();
        doubled.push(("copy.sig".into(), good[0].1.clone()));
        let (first, second) = ("TZ.sig".into(), "copy.sig".into());
        assert_eq!(found(&draft, &doubled), Err(FoundError::Doubled { member: id("TZ"), first, second }));

        let mut wrong = good.clone();
        wrong[1].1.signature.0[5] ^= 1;
        assert_eq!(found(&draft, &wrong), Err(FoundError::Wrong { path: "TH.sig".into(), member: id("TH") }));

        // FR signs a charter of its own, whose network id is then claimed to be this one.
        let other = Draft::new("Test", &[card("FR", 40)], Time(0)).unwrap();
        let (path, mut stranger) = sig(&other, "FR", 40);
        let mut foreign = good.clone();
        foreign.push((path.clone(), stranger.clone()));
        let print = other.fingerprint();
        assert_eq!(
            found(&draft, &foreign),
            Err(FoundError::OtherCharter { path: path.clone(), member: id("FR"), fingerprint: print })
        );
        stranger.network = draft.network;
        foreign[3].1 = stranger;
        assert_eq!(found(&draft, &foreign), Err(FoundError::Unknown { path, member: id("FR") }));
    }

    #[test]
    fn a_weak_key_founds_nothing() {
        let mut draft = draft();
        // A key under which one signature fits many messages.
        draft.charter.members[0].signing_key = [0; 32];
        draft.network = draft.charter.network_id().unwrap();
        let file = SignatureFile { member: id("KE"), network: draft.network, signature: Signature([0; 64]) };
        let error = found(&draft, &[("KE.sig".into(), file)]).unwrap_err();
        assert!(matches!(error, FoundError::Founding(FoundingError::Key { what: "signing", .. })), "{error}");
    }

    #[test]
    fn a_founder_signs_only_what_stands_on_its_card() {
        let draft = draft();
        let (ke, keys) = (card("KE", 10), identity(10));
        let refuse = |change: &dyn Fn(&mut Draft)| {
            let mut changed = draft.clone();
            change(&mut changed);
            sign(&changed, &ke, &keys).unwrap_err()
        };
        let differs = |field| SignError::Differs { member: id("KE"), field };
        assert_eq!(refuse(&|d| drop(d.charter.members.remove(0))), SignError::NotInCharter(id("KE")));
        assert_eq!(refuse(&|d| d.charter.members[0].signing_key[0] ^= 1), differs("signing key"));
        assert_eq!(refuse(&|d| d.charter.members[0].transport_key[0] ^= 1), differs("transport key"));
        assert_eq!(refuse(&|d| d.charter.members[0].recovery_keys[1][0] ^= 1), differs("recovery keys"));
        assert_eq!(refuse(&|d| d.charter.members[0].name.push('x')), differs("name"));
        assert_eq!(refuse(&|d| d.charter.members[0].role = 3), differs("role"));
        assert_eq!(refuse(&|d| d.addresses.clear()), differs("address"));
        assert_eq!(sign(&draft, &ke, &identity(20)), Err(SignError::KeysDiffer));
    }
}
