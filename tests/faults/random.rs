//! Seeded randomness: small, and the same everywhere.

use std::time::Duration;

/// `SplitMix64`: every seed gives its own sequence.
pub(crate) struct Random(u64);

impl Random {
    /// The seed of this run, and its sequence for one test.
    pub(crate) fn for_test(name: &str) -> Self {
        let seed = number("ECOMESH_SEED").unwrap_or(1);
        eprintln!("{name}: seed {seed}; ECOMESH_SEED={seed} runs the same plan again");
        Self(name.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))))
    }

    /// Another sequence, that this one begins.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `bound` − 1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// An index into a list of this length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    /// Any byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    /// The same things in another order.
    pub(crate) fn shuffled<T>(&mut self, mut things: Vec<T>) -> Vec<T> {
        for end in (1..things.len()).rev() {
            things.swap(end, self.index(end + 1));
        }
        things
    }

    /// At most this long.
    pub(crate) fn moment(&mut self, at_most: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(at_most.as_micros()).unwrap()))
    }
}

/// A number from the environment. Anything else under that name is a mistake of the caller.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
