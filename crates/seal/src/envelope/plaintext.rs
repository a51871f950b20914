//! What was decrypted, wiped when it is dropped.

use std::fmt;
use std::ops::Deref;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A decrypted document. Its memory is overwritten when it is dropped, and its `Debug` shows its length only.
///
/// `Zeroizing<Vec<u8>>` would write byte after byte, which takes longer than to decrypt.
#[derive(PartialEq, Eq)]
pub struct Plaintext(pub(super) Vec<u8>);

impl Deref for Plaintext {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.0.len())
    }
}

impl Zeroize for Plaintext {
    fn zeroize(&mut self) {
        // What was truncated lies behind the end.
        self.0.resize(self.0.capacity(), 0);
        wipe(&mut self.0);
        self.0.clear();
    }
}

fn wipe(bytes: &mut [u8]) {
    let (first, words, last) = bytemuck::pod_align_to_mut::<u8, u64>(bytes);
    first.zeroize();
    words.zeroize();
    last.zeroize();
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Plaintext {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_wiped_wherever_it_begins_and_ends() {
        for start in 0..9 {
            for end in 180..201 {
                let mut bytes: Vec<u8> = (1..=201).collect();
                wipe(&mut bytes[start..end]);
                for (at, byte) in bytes.iter().enumerate() {
                    let expected = if (start..end).contains(&at) { 0 } else { at as u8 + 1 };
                    assert_eq!(*byte, expected, "{start}..{end}, {at}");
                }
            }
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let plaintext = Plaintext(b"ivory".to_vec());
        assert_eq!(format!("{plaintext:?} {plaintext:#?}"), "Plaintext(5 bytes) Plaintext(5 bytes)");
    }
}
