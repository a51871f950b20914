//! How long to wait before the next try: exponential, capped, with jitter.

use std::time::Duration;

/// The wait before try number `attempt` (0 is the first retry): `min · 2^attempt`, at most `max`, of which the
/// upper half is scaled by `jitter` (0 gives half of it, `u64::MAX` all of it), so that nodes that lost each
/// other at one moment do not return at one moment.
///
/// Pure: the caller draws `jitter` from a random source.
pub fn backoff(attempt: u32, min: Duration, max: Duration, jitter: u64) -> Duration {
    let factor = 1u32.checked_shl(attempt.min(31)).unwrap_or(u32::MAX);
    let full = min.saturating_mul(factor).min(max);
    let half = full / 2;
    // 32 bits of jitter are plenty, and the product of a Duration and a u32 cannot lose them.
    let share = (jitter >> 32) as f64 / f64::from(u32::MAX);
    half + (full - half).mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(250);
    const MAX: Duration = Duration::from_secs(60);

    #[test]
    fn doubles_from_the_minimum_up_to_the_cap() {
        let full: Vec<u128> = (0..10).map(|n| backoff(n, MIN, MAX, u64::MAX).as_millis()).collect();
        assert_eq!(full, [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        assert_eq!(backoff(0, MIN, MAX, 0), MIN / 2);
        assert_eq!(backoff(40, MIN, MAX, 0), MAX / 2);
        for jitter in [1, u64::MAX / 3, u64::MAX / 2, u64::MAX - 1] {
            let wait = backoff(3, MIN, MAX, jitter);
            assert!(wait >= Duration::from_secs(1) && wait <= Duration::from_secs(2), "{wait:?}");
        }
    }

    #[test]
    fn never_overflows() {
        assert_eq!(backoff(u32::MAX, MIN, MAX, u64::MAX), MAX);
        assert_eq!(backoff(u32::MAX, Duration::MAX, Duration::MAX, 0), Duration::MAX / 2);
    }
}
