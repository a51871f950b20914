//! The one source of chance: xoshiro256++ (Blackman, Vigna 2019), a stream of its own for each concern.
//!
//! A stream is named, and its state comes from the seed and the name: a change in how one concern draws does not
//! shift the draws of the others. There is no floating point, so that every machine plays the same run.

use sha2::{Digest, Sha256};

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Rng([u64; 4]);

impl Rng {
    /// The stream `name` of a run's seed.
    pub(crate) fn stream(seed: u64, name: &str) -> Self {
        let digest: [u8; 32] =
            Sha256::new().chain_update(seed.to_be_bytes()).chain_update(name).finalize().into();
        let mut state = [0; 4];
        for (word, bytes) in state.iter_mut().zip(digest.chunks_exact(8)) {
            *word = bytes.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte));
        }
        Self(state)
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.bits() % bound }
    }

    /// An index below `bound`.
    pub(crate) fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }

    /// A number from `from` to `to`, both included.
    pub(crate) fn range(&mut self, [from, to]: [u64; 2]) -> u64 {
        if to <= from { from } else { from + self.below(to - from + 1) }
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u8) -> bool {
        percent > 0 && self.below(100) < u64::from(percent)
    }

    /// True in `permille` of a thousand cases.
    pub(crate) fn permille(&mut self, permille: u16) -> bool {
        permille > 0 && self.below(1_000) < u64::from(permille)
    }

    /// A wait with this mean: even from 0 to twice of it.
    pub(crate) fn wait(&mut self, mean: u64) -> u64 {
        self.below(mean.saturating_mul(2).saturating_add(1))
    }

    /// One of these; `None` if there is none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.index(from.len()))
    }

    /// Puts a list into random order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.index(last + 1));
        }
    }

    /// Random bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let word = self.bits().to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_repeatable_and_their_own() {
        let draw = |seed, name| {
            let mut rng = Rng::stream(seed, name);
            [rng.bits(), rng.bits(), rng.bits()]
        };
        assert_eq!(draw(1, "network"), draw(1, "network"));
        assert_ne!(draw(1, "network"), draw(1, "clients"));
        assert_ne!(draw(1, "network"), draw(2, "network"));
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut rng = Rng::stream(1, "test");
        let seen: std::collections::BTreeSet<u64> = (0..1_000).map(|_| rng.range([3, 7])).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
        assert_eq!(rng.below(0), 0);
        assert!(!rng.percent(0) && rng.percent(100));
    }
}
