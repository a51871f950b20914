//! The encrypted stream: ChaCha20-Poly1305 in chunks (the STREAM construction of Hoang, Reyhanitabar, Rogaway and
//! Vizár, *Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance*, 2015).
//!
//! A chunk is 64 KiB of plaintext, the last one what is left, each followed by its 16-byte tag. The nonce is the
//! number of the chunk (11 bytes, big-endian) and a byte that is 1 for the last chunk: no chunk can be left out,
//! doubled, moved or cut off. The key is of one stream only, so no nonce meets it twice.

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};

use super::Plaintext;

/// Plaintext of a chunk in bytes.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;

/// Length of the stream of a plaintext, which is not empty.
pub(crate) fn encrypted_len(plaintext: usize) -> usize {
    plaintext + plaintext.div_ceil(CHUNK_BYTES) * TAG_BYTES
}

/// Encrypts the plaintext that the parts make together with zeros behind them, `length` bytes, at least one, and appends
/// the stream to `out`. The plaintext is never in memory as a whole: a chunk is put in its place and encrypted there.
pub(crate) fn encrypt(key: &[u8; 32], parts: &[&[u8]], length: usize, out: &mut Vec<u8>) {
    let cipher = ChaCha20Poly1305::new(&Key::from(*key));
    out.reserve(encrypted_len(length));
    let count = length.div_ceil(CHUNK_BYTES);
    for number in 0..count {
        let start = out.len();
        let from = number * CHUNK_BYTES;
        append(parts, from, length.min(from + CHUNK_BYTES), out);
        let tag = cipher
            .encrypt_inout_detached(
                &chunk_nonce(number as u64, number + 1 == count),
                &[],
                (&mut out[start..]).into(),
            )
            .expect("a chunk is far below the 256 GiB that one nonce can encrypt");
        out.extend_from_slice(&tag);
    }
}

/// Appends the bytes from `from` to `to` of the parts, and zeros where they end before.
fn append(parts: &[&[u8]], from: usize, to: usize, out: &mut Vec<u8>) {
    let end = out.len() + to - from;
    let mut before = 0;
    for part in parts {
        let inside = |at: usize| at.saturating_sub(before).min(part.len());
        out.extend_from_slice(&part[inside(from)..inside(to)]);
        before += part.len();
    }
    out.resize(end, 0);
}

/// The plaintext of a stream; `None` if it is not one under this key.
pub(crate) fn decrypt(key: &[u8; 32], stream: &[u8]) -> Option<Plaintext> {
    let cipher = ChaCha20Poly1305::new(&Key::from(*key));
    let chunks = stream.chunks(CHUNK_BYTES + TAG_BYTES);
    let count = chunks.len();
    let mut plaintext = Plaintext(Vec::with_capacity(stream.len()));
    for (number, chunk) in chunks.enumerate() {
        let (ciphertext, tag) = chunk.split_last_chunk::<TAG_BYTES>()?;
        let start = plaintext.0.len();
        plaintext.0.extend_from_slice(ciphertext);
        let nonce = chunk_nonce(number as u64, number + 1 == count);
        let text = (&mut plaintext.0[start..]).into();
        cipher.decrypt_inout_detached(&nonce, &[], text, &Tag::from(*tag)).ok()?;
    }
    (count > 0).then_some(plaintext)
}

/// Number of the chunk (11 bytes, big-endian), and a byte that is 1 for the last one.
pub(crate) fn chunk_nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    nonce.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn stream(length: usize) -> (Vec<u8>, Vec<u8>) {
        let plaintext: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let mut stream = b"before".to_vec();
        // In three parts, the last of them zeros that are not there.
        let (first, rest) = plaintext.split_at(length.min(5));
        let zeros = rest.iter().rev().take_while(|byte| **byte == 0).count();
        encrypt(&KEY, &[first, &rest[..rest.len() - zeros]], length, &mut stream);
        (plaintext, stream.split_off(6))
    }

    #[test]
    fn every_length_around_a_chunk_comes_back() {
        for length in [1, 15, 16, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let (plaintext, stream) = stream(length);
            assert_eq!(stream.len(), encrypted_len(length));
            assert_eq!(decrypt(&KEY, &stream).unwrap()[..], plaintext, "{length}");
            assert!(decrypt(&[8; 32], &stream).is_none());
        }
    }

    #[test]
    fn chunks_are_neither_left_out_nor_doubled_moved_or_cut_off() {
        const WHOLE: usize = CHUNK_BYTES + TAG_BYTES;
        let (_, good) = stream(3 * CHUNK_BYTES);
        let chunk = |n: usize| &good[n * WHOLE..(n + 1) * WHOLE];
        for order in [
            vec![0, 1],
            vec![0, 2],
            vec![1, 2],
            vec![0, 1, 1, 2],
            vec![1, 0, 2],
            vec![2],
            vec![0, 1, 2, 2],
            vec![],
        ] {
            let bad: Vec<u8> = order.iter().flat_map(|n| chunk(*n).to_vec()).collect();
            assert!(decrypt(&KEY, &bad).is_none(), "{order:?}");
        }
        for cut in [1, 15, 16, 17, WHOLE - 1, WHOLE] {
            assert!(decrypt(&KEY, &good[..good.len() - cut]).is_none(), "{cut} bytes cut off");
        }
        for more in [1, 16, 17] {
            assert!(
                decrypt(&KEY, &[good.as_slice(), &vec![0; more]].concat()).is_none(),
                "{more} bytes more"
            );
        }
    }

    #[test]
    fn the_stream_is_as_the_protocol_says() {
        // One chunk: RFC 8439, with the nonce of a last chunk 0.
        let (plaintext, stream) = stream(40);
        let cipher = ChaCha20Poly1305::new(&Key::from(KEY));
        let mut expected = plaintext;
        let nonce = Nonce::from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let tag = cipher.encrypt_inout_detached(&nonce, &[], expected.as_mut_slice().into()).unwrap();
        assert_eq!(stream, [expected.as_slice(), &tag].concat());
    }
}
