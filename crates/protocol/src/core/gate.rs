//! The gate: hello, admission of peers, links.

use ecomesh_record::{Lane, LogId, MemberId, RecordFrame};

use super::{Core, TRANSPORT_PREFIX};
use crate::disk::Disk;
use crate::hello::{self, Certificate, Hello, HelloError};
use crate::io::{Alarm, Now, Output, PeerKey};
use crate::ledger::{Ledger, LedgerError};

impl<L: Ledger, D: Disk> Core<L, D> {
    pub(super) fn say_hello(&mut self, peer: PeerKey) -> Result<(), LedgerError> {
        let bytes = self.own_hello()?;
        self.output(Output::SayHello { peer, bytes });
        Ok(())
    }

    pub(super) fn hello_received(
        &mut self,
        peer: PeerKey,
        exchange: u64,
        bytes: &[u8],
        now: Now,
    ) -> Result<(), LedgerError> {
        match self.judge_hello(peer, bytes, now) {
            Ok(hello) => {
                let member = hello.certificate.member;
                self.admit(peer, &hello);
                let bytes = self.own_hello()?;
                self.output(Output::HelloReply { exchange, peer, bytes, admit: Some(member) });
            }
            Err(error) => {
                self.alarm(Alarm::HelloRefused(error.to_string()));
                self.output(Output::HelloReply { exchange, peer, bytes: Vec::new(), admit: None });
            }
        }
        Ok(())
    }

    pub(super) fn hello_answered(
        &mut self,
        peer: PeerKey,
        bytes: &[u8],
        now: Now,
    ) -> Result<(), LedgerError> {
        match self.judge_hello(peer, bytes, now) {
            Ok(hello) => {
                let member = hello.certificate.member;
                self.admit(peer, &hello);
                self.output(Output::Admit { peer, member });
            }
            Err(error) => self.alarm(Alarm::HelloRefused(error.to_string())),
        }
        Ok(())
    }

    pub(super) fn link_up(&mut self, peer: PeerKey, now: Now) -> Result<(), LedgerError> {
        if let Some(millis) = self.blame.excluded_ms(peer, now.mono) {
            let reason = "still excluded".to_owned();
            self.output(Output::Block { peer, millis, reason });
            return Ok(());
        }
        match self.admitted.get(&peer) {
            Some((member, _)) => self.sync.link_up(peer, *member),
            // The allow-list is a cache of what the core decided; this peer was never let in.
            None => self.output(Output::Forget { peer }),
        }
        self.sync.changed(now.mono);
        Ok(())
    }

    fn judge_hello(&self, peer: PeerKey, bytes: &[u8], now: Now) -> Result<Hello, HelloError> {
        if self.blame.excluded_ms(peer, now.mono).is_some() {
            return Err(HelloError::RefusedByPeer);
        }
        hello::judge(&self.ring, self.config.member, &self.certificates, peer, bytes)
    }

    /// Lets a peer in, and its member's former transport key out.
    fn admit(&mut self, peer: PeerKey, hello: &Hello) {
        let member = hello.certificate.member;
        let former = self.certificates.get(&member).cloned();
        if former.as_ref().is_none_or(|known| known.counter < hello.certificate.counter) {
            self.certificates.insert(member, hello.certificate.clone());
            self.replica.stage_value(transport_name(member), encode_certificate(&hello.certificate));
        }
        if let Some(former) = former.filter(|old| old.key != peer) {
            self.admitted.remove(&former.key);
            self.sync.link_down(former.key);
            self.output(Output::Forget { peer: former.key });
        }
        let before = self.admitted.insert(peer, (member, hello.boot_nonce));
        let restarted = before.is_some_and(|(_, nonce)| nonce != hello.boot_nonce);
        if restarted && self.sync.is_linked(peer) {
            // The old link may be half-open: the restarted node would receive nothing over it.
            self.output(Output::Reset { peer });
        }
    }

    fn own_hello(&self) -> Result<Vec<u8>, LedgerError> {
        let hello = Hello {
            certificate: Certificate {
                member: self.config.member,
                key: self.identity.transport_key,
                counter: self.identity.transport_counter,
            },
            boot_nonce: self.config.boot_nonce,
            instance: self.ledger.instance(),
            roster_epoch: self.roster.epoch(),
        };
        let openings = self.own_openings()?;
        Ok(hello::encode(self.network, &self.identity.signing, &hello, openings))
    }

    /// The records that opened the own generations, oldest first: they lead to the key that signs the hello.
    fn own_openings(&self) -> Result<Vec<RecordFrame>, LedgerError> {
        let opens =
            |log: &LogId| log.author == self.config.member && log.lane == Lane::CONTROL && log.generation > 0;
        let mut frames = Vec::new();
        for log in self.replica.logs().filter(opens) {
            frames.extend(self.ledger.record(log.at(0))?.map(|record| record.to_frame()));
        }
        let surplus = frames.len().saturating_sub(hello::OPENINGS_MAX);
        Ok(frames.split_off(surplus))
    }
}

pub(super) fn transport_name(member: MemberId) -> String {
    format!("{TRANSPORT_PREFIX}{member}")
}

fn encode_certificate(certificate: &Certificate) -> Vec<u8> {
    [certificate.counter.to_be_bytes().as_slice(), &certificate.key.0].concat()
}

pub(super) fn decode_certificate(name: &str, value: &[u8]) -> Option<Certificate> {
    let member = MemberId::parse(name.strip_prefix(TRANSPORT_PREFIX)?).ok()?;
    let (counter, key) = value.split_first_chunk::<8>()?;
    let key = PeerKey(key.try_into().ok()?);
    Some(Certificate { member, key, counter: u64::from_be_bytes(*counter) })
}
