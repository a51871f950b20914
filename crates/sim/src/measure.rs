//! What a run is measured by: how long records take to be everywhere, and how many bytes and copies that costs.

use std::collections::BTreeMap;

use ecomesh_record::RecordId;

use crate::network::Parcel;

/// A histogram in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: BTreeMap<u64, u64>,
    total: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, millis: u64) {
        *self.counts.entry(millis).or_default() += 1;
        self.total += 1;
    }

    #[cfg(test)]
    fn count(&self) -> u64 {
        self.total
    }

    /// The value below which so many percent lie; 0 of none.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut sum = 0;
        for (millis, count) in &self.counts {
            sum += count;
            if sum >= rank {
                return *millis;
            }
        }
        0
    }

    pub(crate) fn longest(&self) -> u64 {
        self.counts.last_key_value().map_or(0, |(millis, _)| *millis)
    }
}

/// What happened to one record.
#[derive(Clone, Debug)]
struct Spread {
    since: u64,
    holders: Vec<u64>,
    count: usize,
}

/// Bytes by purpose.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bytes {
    pub(crate) pushes: u64,
    pub(crate) gossip_control: u64,
    pub(crate) questions: u64,
    pub(crate) answers: u64,
    pub(crate) rest: u64,
}

impl Bytes {
    pub(crate) fn sum(&self) -> u64 {
        self.pushes + self.gossip_control + self.questions + self.answers + self.rest
    }
}

/// The figures of a run, as they grow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measure {
    spreads: BTreeMap<RecordId, Spread>,
    /// Everyone who counts for "everywhere".
    pub(crate) audience: usize,
    pub(crate) each: Histogram,
    pub(crate) all: Histogram,
    pub(crate) bytes: Bytes,
    pub(crate) frames: u64,
    /// Records in push messages that arrived, known or not.
    pub(crate) copies: u64,
    /// Bytes of records that became durable at others than their author.
    pub(crate) needed_bytes: u64,
    pub(crate) needed_records: u64,
    pub(crate) delivered: u64,
}

impl Measure {
    pub(crate) fn records(&self) -> usize {
        self.spreads.len()
    }

    /// Records that are not everywhere.
    pub(crate) fn unfinished(&self) -> usize {
        self.spreads.values().filter(|spread| spread.count < self.audience).count()
    }

    /// An author's record is durable at home.
    pub(crate) fn begun(&mut self, id: RecordId, now: u64) {
        self.spreads.entry(id).or_insert(Spread { since: now, holders: Vec::new(), count: 0 });
    }

    /// A record is durable at another node. `counts`: the node is one of the audience.
    pub(crate) fn arrived(&mut self, id: RecordId, node: usize, bytes: usize, counts: bool, now: u64) {
        self.needed_bytes += bytes as u64;
        self.needed_records += 1;
        let audience = self.audience;
        let Some(spread) = self.spreads.get_mut(&id).filter(|_| counts) else { return };
        let (word, bit) = (node / 64, 1 << (node % 64));
        if spread.holders.len() <= word {
            spread.holders.resize(word + 1, 0);
        }
        if spread.holders[word] & bit != 0 {
            return;
        }
        spread.holders[word] |= bit;
        spread.count += 1;
        let millis = (now - spread.since).div_ceil(1_000);
        self.each.add(millis);
        if spread.count == audience {
            self.all.add(millis);
        }
    }

    /// A frame is sent.
    pub(crate) fn sent(&mut self, parcel: &Parcel) {
        let length = parcel.len() as u64;
        self.frames += 1;
        match parcel {
            Parcel::Push(crate::gossip::Frame::Message(_)) => self.bytes.pushes += length,
            Parcel::Push(_) => self.bytes.gossip_control += length,
            Parcel::Question { .. } => self.bytes.questions += length,
            Parcel::Answer { .. } => self.bytes.answers += length,
            _ => self.bytes.rest += length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut histogram = Histogram::default();
        (1..=100).for_each(|millis| histogram.add(millis));
        assert_eq!([50, 99, 100].map(|p| histogram.percentile(p)), [50, 99, 100]);
        assert_eq!((histogram.longest(), histogram.count()), (100, 100));
        assert_eq!(Histogram::default().percentile(99), 0);
    }

    #[test]
    fn a_record_is_everywhere_once_the_audience_holds_it() {
        let mut measure = Measure { audience: 2, ..Measure::default() };
        let id = RecordId([1; 32]);
        measure.begun(id, 1_000);
        measure.arrived(id, 1, 10, true, 3_000);
        measure.arrived(id, 1, 10, true, 4_000);
        assert_eq!(measure.unfinished(), 1);
        measure.arrived(id, 70, 10, true, 6_000);
        assert_eq!((measure.unfinished(), measure.all.longest(), measure.each.count()), (0, 5, 2));
    }
}
