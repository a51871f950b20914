//! Times as people type and read them. The API counts milliseconds since 1970-01-01 UTC.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::exit::{ExitCode, Failure};

/// Milliseconds since 1970-01-01 UTC by this machine's clock.
pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `2026-03-01 08:15:30Z`, always UTC, so that two bureaus talk about the same minute.
pub fn show(ms: u64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    i64::try_from(ms / 1000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(format).ok())
        .unwrap_or_else(|| format!("{ms} ms"))
}

/// A length of time in the unit that reads best: `340 ms`, `2.1 s`, `3 min`, `5 h`, `2 d`.
pub fn length(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        3_600_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} d", ms / 86_400_000),
    }
}

/// Reads a point in time: `2026-03-01`, `2026-03-01T08:00:00Z`, or back from now: `30m`, `2h`, `7d`.
pub fn point(text: &str, now_ms: u64) -> Result<u64, Failure> {
    let text = text.trim();
    if let Some(back) = span(text) {
        return Ok(now_ms.saturating_sub(back));
    }
    let date = || {
        Date::parse(text, format_description!("[year]-[month]-[day]")).ok().map(|d| d.midnight().assume_utc())
    };
    let time = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(date);
    time.and_then(|time| u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()).ok_or_else(|| {
        Failure::new(ExitCode::Usage, format!("{text:?} is no point in time"))
            .help("give a date (2026-03-01), a time in UTC (2026-03-01T08:00:00Z) or a span back from now (30m, 2h, 7d)")
    })
}

/// Reads a point in time to come: `2027-03-01`, `2027-03-01T08:00:00Z`, or ahead from now: `90d`.
pub fn later(text: &str, now_ms: u64) -> Result<u64, Failure> {
    let ahead = span(text.trim()).map(|ahead| now_ms.saturating_add(ahead));
    let until = ahead.map_or_else(|| point(text, now_ms), Ok)?;
    if until > now_ms {
        return Ok(until);
    }
    Err(Failure::new(ExitCode::Usage, format!("{text:?} is over"))
        .help("give a date to come (2030-03-01), or a span ahead from now (90d)"))
}

/// Reads a length of time: `500ms`, `60s`, `5m`, `2h`, `7d`.
pub fn duration(text: &str) -> Result<std::time::Duration, Failure> {
    span(text.trim()).map(std::time::Duration::from_millis).ok_or_else(|| {
        Failure::new(ExitCode::Usage, format!("{text:?} is no length of time"))
            .help("give a number and a unit: 60s, 5m, 2h")
    })
}

fn span(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_dates_times_or_spans_back() {
        assert_eq!(point("1970-01-02", 0), Ok(86_400_000));
        assert_eq!(point("1970-01-01T00:00:01.500Z", 0), Ok(1_500));
        assert_eq!(point("2h", 7_200_001), Ok(1));
        for wrong in ["", "yesterday", "2h30", "h", "99999999999999999999d"] {
            assert_eq!(point(wrong, 0).map_err(|failure| failure.code), Err(ExitCode::Usage), "{wrong}");
        }
    }

    #[test]
    fn what_is_to_come_is_read_ahead_from_now() {
        let now = 1_772_323_200_000;
        assert_eq!(later("90d", now).unwrap(), now + 90 * 86_400_000);
        assert_eq!(later("2026-03-02", now).unwrap(), now + 86_400_000);
        assert!(later("2026-02-01", now).is_err());
        assert!(later("soon", now).is_err());
    }

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(show(1_772_352_930_000), "2026-03-01 08:15:30Z");
        assert_eq!(length(340), "340 ms");
        assert_eq!(length(2_140), "2.1 s");
        assert_eq!(length(7_200_000), "2 h");
    }
}
