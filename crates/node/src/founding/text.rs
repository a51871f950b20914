//! Small pieces of the founding's texts: hexadecimal bytes, TOML strings, roles, times.

use ecomesh_record::{Role, Time};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Names of the roles in texts, by number.
const ROLES: [(&str, Role); 4] = [
    ("country", Role::COUNTRY),
    ("entity", Role::ENTITY),
    ("reviewer", Role::REVIEWER),
    ("keeper", Role::KEEPER),
];

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// N bytes from 2 N hexadecimal digits.
pub(super) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    hex::decode_to_slice(text, &mut out).ok()?;
    Some(out)
}

/// A string as TOML writes it, with quotes and escapes.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A list of strings on one line.
pub(super) fn quoted_list<T: AsRef<str>>(list: &[T]) -> String {
    let items: Vec<String> = list.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// A role's name, or its number as digits if this version does not know it.
pub fn role_name(role: u8) -> String {
    let known = ROLES.iter().find(|(_, known)| known.0 == role);
    known.map_or_else(|| role.to_string(), |(name, _)| (*name).to_owned())
}

/// A role by its name, or by its number.
pub fn role_by_name(name: &str) -> Option<u8> {
    let known = ROLES.iter().find(|(known, _)| *known == name);
    known.map(|(_, role)| role.0).or_else(|| name.parse().ok())
}

/// A time as RFC 3339 in UTC; as a number of milliseconds where that form has no room for it.
pub fn time_text(time: Time) -> String {
    let nanos = i128::from(time.0) * 1_000_000;
    let date = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| time.0.to_string())
}

/// What [`time_text`] wrote.
pub(super) fn time_of(text: &str) -> Option<Time> {
    if let Ok(millis) = text.parse() {
        return Some(Time(millis));
    }
    let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(date.unix_timestamp_nanos() / 1_000_000).ok().map(Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_their_text() {
        for time in [0, 1, 999, 1_764_000_000_000, 1_764_000_000_123, 253_402_300_799_999, u64::MAX] {
            assert_eq!(time_of(&time_text(Time(time))), Some(Time(time)), "{time}");
        }
        assert_eq!(time_text(Time(1_764_000_000_000)), "2025-11-24T16:00:00Z");
        assert_eq!(time_of("yesterday"), None);
        assert_eq!(time_of("1969-12-31T23:59:59Z"), None);
    }

    #[test]
    fn strings_survive_their_quotes() {
        for text in ["NCB Nairobi", "O'Neill \"x\" \\ ", "المكتب", "\"\"\"", "'''"] {
            let table: toml::Table = format!("a = {}", quoted(text)).parse().unwrap();
            assert_eq!(table["a"].as_str(), Some(text));
        }
    }
}
