//! Padmé: lengths are rounded up so that they tell little.
//!
//! Nikitin, Barman, Lueks, Underwood, Hubaux, Ford, *Reducing Metadata Leakage from Encrypted Files and Communication
//! with PURBs*, 2019, algorithm 1. Of a length L only O(log log L) bits are left, for at most 12 % more bytes.

/// The length that `length` bytes are padded to: never less, and its own padded length.
pub fn padded(length: u64) -> u64 {
    let Some(exponent) = length.checked_ilog2() else { return 0 };
    // As many bits as the exponent itself needs are kept below the highest one.
    let kept = exponent.checked_ilog2().map_or(0, |bits| bits + 1);
    let mask = (1_u64 << (exponent - kept)) - 1;
    length.saturating_add(mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_paper() {
        // The paper's figure 2 and its reference implementation.
        for (length, expected) in [
            (0, 0),
            (1, 1),
            (2, 2),
            (3, 3),
            (8, 8),
            (9, 10),
            (100, 104),
            (1_000, 1_024),
            (1_024, 1_024),
            (1_025, 1_088),
            (65_537, 67_584),
            (1_000_000, 1_015_808),
        ] {
            assert_eq!(padded(length), expected, "{length}");
        }
    }

    #[test]
    fn a_million_lengths_grow_by_at_most_an_eighth_into_few_buckets() {
        let mut buckets = 0;
        let mut before = 0;
        for length in 1..=1_048_576 {
            let now = padded(length);
            assert!(now >= length && now >= before, "{length}");
            assert!((now - length) * 100 <= length * 12 || length < 32, "{length}: {now}");
            assert_eq!(padded(now), now, "{length}");
            buckets += u64::from(now != before);
            before = now;
        }
        assert!(buckets < 512, "{buckets}");
    }
}
