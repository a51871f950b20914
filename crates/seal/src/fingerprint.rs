//! Fingerprints: 32 bytes in a form that two officers compare over the telephone.

/// All 32 bytes as 64 lower-case hexadecimal digits, in groups of four separated by a space; after every fourth
/// group there are two spaces, where the reader stops for the listener to confirm.
///
/// Nothing is hashed or left out: the digits are those of the key, the network id or the card hash itself, so that
/// they can be compared by eye with a file, and nobody can make two keys that read the same.
pub fn fingerprint(bytes: &[u8; 32]) -> String {
    let mut text = String::with_capacity(64 + 15 + 3);
    for (index, pair) in bytes.chunks_exact(2).enumerate() {
        match index {
            0 => {}
            index if index % 4 == 0 => text.push_str("  "),
            _ => text.push(' '),
        }
        text.push_str(&format!("{:02x}{:02x}", pair[0], pair[1]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn a_fingerprint_is_the_hex_in_groups() {
        let bytes: [u8; 32] = std::array::from_fn(|i| i as u8 * 8 + 1);
        let text = fingerprint(&bytes);
        assert_eq!(
            text,
            "0109 1119 2129 3139  4149 5159 6169 7179  8189 9199 a1a9 b1b9  c1c9 d1d9 e1e9 f1f9"
        );
        assert_eq!(text.replace(' ', ""), hex::encode(bytes));
    }
}
