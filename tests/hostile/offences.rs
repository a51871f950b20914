//! What no honest member sends: each a way to break a rule behind the gate, by what it says and by what it answers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ecomesh_protocol::wire::{self, Question, answer, ask};
use ecomesh_record::{Lane, LogId, Priority, Record, RecordId};
use futures::{AsyncReadExt, AsyncWriteExt};

use super::member::{GOSSIP, Guest, HELLO, Member, Reply, SYNC, exchange, framed, published};
use super::random::Random;
use super::wire::{Wire, in_time, varint};

/// A malformed frame that a member sends of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    GossipGarbage,
    GossipBitFlipped,
    GossipTooLong,
    GossipWrongTopic,
    GossipUnknownTopic,
    GossipBrokenStream,
    GossipEndlessFrame,
    QuestionGarbage,
    QuestionBitFlipped,
    QuestionTooLong,
    QuestionTrailing,
    QuestionIsAnswer,
    FrontierForged,
    FrontiersContradict,
    HelloAgain,
}

pub const OFFENCES: [Offence; 15] = [
    Offence::GossipGarbage,
    Offence::GossipBitFlipped,
    Offence::GossipTooLong,
    Offence::GossipWrongTopic,
    Offence::GossipUnknownTopic,
    Offence::GossipBrokenStream,
    Offence::GossipEndlessFrame,
    Offence::QuestionGarbage,
    Offence::QuestionBitFlipped,
    Offence::QuestionTooLong,
    Offence::QuestionTrailing,
    Offence::QuestionIsAnswer,
    Offence::FrontierForged,
    Offence::FrontiersContradict,
    Offence::HelloAgain,
];

/// Commits an offence once. An error means that the node has ended the link.
pub async fn commit(
    offence: Offence,
    member: &Member,
    wire: &Wire,
    number: usize,
    random: &mut Random,
) -> io::Result<()> {
    match offence {
        Offence::HelloAgain => {
            let hello = [&[0], member.hello(member.transport_key).as_slice()].concat();
            exchange(wire, HELLO, &framed(&hello)).await.map(|_| ())
        }
        Offence::FrontiersContradict => {
            // The first of them is a good frontier; every further one has its counter and says something else.
            for seq in [0, 1 + number as u64] {
                let signed = member.frontier(5, seq, RecordId(random.array()));
                exchange(wire, SYNC, &framed(&ask::notify(&[signed], &[]))).await?;
            }
            Ok(())
        }
        _ => match question(offence, member, random) {
            Some(bytes) => exchange(wire, SYNC, &bytes).await.map(|_| ()),
            None => gossip(wire, &gossiped(offence, member, random)).await,
        },
    }
}

/// Writes onto a gossip stream of its own, as often as the node lets it.
pub async fn gossip(wire: &Wire, bytes: &[u8]) -> io::Result<()> {
    let mut stream = wire.stream(GOSSIP).await?;
    in_time(async {
        stream.write_all(bytes).await?;
        stream.flush().await?;
        stream.close().await?;
        // The node never writes here; it closes the stream when it has read it to its end.
        let _ = stream.read_to_end(&mut Vec::new()).await;
        Ok(())
    })
    .await
}

/// A question that breaks a rule, with its frame.
fn question(offence: Offence, member: &Member, random: &mut Random) -> Option<Vec<u8>> {
    let log = LogId { author: member.id, lane: Lane::MESSAGES, generation: 0 };
    let good = ask::page(log, 0, 1 << 20);
    Some(match offence {
        Offence::QuestionGarbage => {
            let length = 1 + random.below(2000);
            framed(&random.bytes(length))
        }
        // In its version or its kind: other bits of a question make another good question.
        Offence::QuestionBitFlipped => {
            let mut bytes = good;
            bytes[random.below(2)] ^= 0x40;
            framed(&bytes)
        }
        Offence::QuestionTooLong => [(2_u32 << 20).to_be_bytes().to_vec(), random.bytes(1000)].concat(),
        Offence::QuestionTrailing => [framed(&good), random.bytes(9)].concat(),
        Offence::QuestionIsAnswer => framed(&answer::taken()),
        Offence::FrontierForged => {
            let mut signed = member.frontier(1, 3, RecordId(random.array()));
            signed.signature[random.below(64)] ^= 1;
            framed(&ask::notify(&[signed], &[]))
        }
        _ => return None,
    })
}

/// Bytes for a gossip stream that break a rule.
pub fn gossiped(offence: Offence, member: &Member, random: &mut Random) -> Vec<u8> {
    let routine = member.topic(2);
    let length = 1 + random.below(500);
    match offence {
        Offence::GossipBitFlipped => {
            let record = member.record(0, RecordId::ZERO, Priority::ROUTINE, 200);
            let push = wire::encode_push(&[&record]).expect("a short push");
            published(&routine, &random.flipped(&push))
        }
        Offence::GossipTooLong => published(&routine, &random.bytes(60 * 1024 + 1)),
        Offence::GossipWrongTopic => {
            let record = member.record(0, RecordId::ZERO, Priority::FLASH, 20);
            published(&routine, &wire::encode_push(&[&record]).expect("a short push"))
        }
        Offence::GossipUnknownTopic => published(&format!("{:x}/2", random.next()), &random.bytes(length)),
        Offence::GossipBrokenStream => [varint(length), vec![0xFF; length]].concat(),
        Offence::GossipEndlessFrame => [varint(10 << 20), random.bytes(200_000)].concat(),
        _ => published(&routine, &random.bytes(length)),
    }
}

/// An answer that no honest member gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongAnswer {
    Garbage,
    BitFlipped,
    OfAnotherKind,
    Trailing,
    Endless,
    PageWithGap,
    PageOfAnotherLog,
    ForgedRecord,
}

pub const WRONG_ANSWERS: [WrongAnswer; 8] = [
    WrongAnswer::Garbage,
    WrongAnswer::BitFlipped,
    WrongAnswer::OfAnotherKind,
    WrongAnswer::Trailing,
    WrongAnswer::Endless,
    WrongAnswer::PageWithGap,
    WrongAnswer::PageOfAnotherLog,
    WrongAnswer::ForgedRecord,
];

/// Answers wrongly, and counts how often.
pub fn wrongly(kind: WrongAnswer, member: &Member, other: &Member) -> (Arc<Guest>, Arc<AtomicUsize>) {
    let given = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&given);
    let records = member.records(40, Priority::ROUTINE, 100);
    let foreign: Vec<_> = other.records(40, Priority::ROUTINE, 100).iter().map(Record::to_frame).collect();
    let frontier = member.frontier(1, 39, records[39].id());
    let own: Vec<_> = records.iter().map(Record::to_frame).collect();
    let mut forged = own.clone();
    forged[0].signature[5] ^= 1;
    let ring = member.ring();
    let answers = move |bytes: &[u8]| {
        let honest = match wire::verify_question(&ring, bytes) {
            // Nobody asks for pages before it has heard that there are records.
            Ok(Question::Exchange { .. }) => answer::exchange(Some(&frontier), &[]),
            Ok(Question::Page { from, .. }) => answer::page(own.get(from as usize..).unwrap_or_default()),
            Ok(Question::Notify { .. }) => answer::taken(),
            _ => answer::unavailable(),
        };
        let is_page = matches!(wire::verify_question(&ring, bytes), Ok(Question::Page { .. }));
        let wrong = match kind {
            WrongAnswer::Garbage => framed(&[0x5A; 300]),
            WrongAnswer::BitFlipped => {
                let mut bytes = honest;
                bytes[0] ^= 2;
                framed(&bytes)
            }
            WrongAnswer::OfAnotherKind => framed(&answer::slice(0, 9, &[1])),
            WrongAnswer::Trailing => [framed(&honest), vec![9]].concat(),
            WrongAnswer::Endless => {
                count.fetch_add(1, Ordering::SeqCst);
                return Reply::Endless;
            }
            _ if !is_page => return Reply::Raw(framed(&honest)),
            WrongAnswer::PageWithGap => framed(&answer::page(&own[20..])),
            WrongAnswer::PageOfAnotherLog => framed(&answer::page(&foreign)),
            WrongAnswer::ForgedRecord => framed(&answer::page(&forged)),
        };
        count.fetch_add(1, Ordering::SeqCst);
        Reply::Raw(wrong)
    };
    (Guest::answering(answers), given)
}
