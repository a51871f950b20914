//! Tests of the key file: layout, damage, bounds.

use proptest::prelude::*;

use super::*;

const SECRET: &[u8] = b"a secret of some bytes";
const PASSPHRASE: &[u8] = b"correct horse";

/// The least work that Argon2id allows, so that thousands of files open in a test.
fn tiny() -> Params {
    Params::new(8, 1, 1).unwrap()
}

fn sealed() -> Vec<u8> {
    seal(SECRET, Purpose::IDENTITY, PASSPHRASE, tiny(), [9; RANDOMNESS_BYTES]).unwrap()
}

fn open_identity(file: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    open(file, Purpose::IDENTITY, PASSPHRASE)
}

/// Written by another implementation (Python: argon2-cffi and cryptography) from the table above alone.
#[test]
fn the_layout_is_as_documented() {
    let golden = "45434f4b45590d0a01010000002000000002000000020040202122232425262728292a2b2c2d2e2f\
                  303132333435363738393a3bcdef96194cb3a887238070e560de3cc0638192fea0a098ba622a974b\
                  e65717a48b830f13840324a1696b40ae9f43702d3697c9fbf7422c8d5ce53fa7176922ddd8dfbc7b\
                  fe016fe7d2cbbc5d645a6faa";
    let secret: [u8; 64] = std::array::from_fn(|i| i as u8);
    let randomness = std::array::from_fn(|i| 0x20 + i as u8);
    let passphrase = "Kifaru 2026 é".as_bytes();
    let params = Params::new(32, 2, 2).unwrap();
    let file = seal(&secret, Purpose::IDENTITY, passphrase, params, randomness).unwrap();
    assert_eq!(hex::encode(&file), golden);
    assert_eq!(open(&file, Purpose::IDENTITY, passphrase).unwrap()[..], secret);
}

#[test]
fn the_default_parameters_open() {
    let params = Params::default();
    assert_eq!(Params::new(params.memory_kib, params.passes, params.lanes), Ok(params));
    let file = seal(SECRET, Purpose::RECOVERY, PASSPHRASE, params, [9; RANDOMNESS_BYTES]).unwrap();
    assert_eq!(open(&file, Purpose::RECOVERY, PASSPHRASE).unwrap()[..], *SECRET);
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let long = vec![b'x'; PASSPHRASE_BYTES_MAX + 1];
    for wrong in
        [b"correct horsf".as_slice(), b"correct hors", b"correct horse ", b"correct horse\n", b"", &long]
    {
        assert_eq!(open(&sealed(), Purpose::IDENTITY, wrong), Err(OpenError::WrongPassphrase));
    }
}

#[test]
fn a_file_for_another_purpose_is_refused_before_any_work() {
    for expected in [Purpose::RECOVERY, Purpose::TRANSPORT, Purpose(0), Purpose(255)] {
        let error = OpenError::WrongPurpose { expected, found: Purpose::IDENTITY };
        assert_eq!(open(&sealed(), expected, PASSPHRASE), Err(error));
    }
}

/// Flips in the memory cost make some of these files ask for up to 512 MiB: within the bounds, one at a time.
#[test]
fn every_flipped_bit_is_noticed() {
    let good = sealed();
    for bit in 0..good.len() * 8 {
        let mut file = good.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        let error = open_identity(&file).expect_err(&format!("bit {bit}"));
        let (value, memory) = (file[bit / 8], u32_at(file.first_chunk().unwrap(), 10));
        let parameters = matches!(error, OpenError::Parameters(_));
        match bit / 8 {
            0..8 => assert_eq!(error, OpenError::NotAKeyFile),
            8 => assert_eq!(error, OpenError::UnknownVersion(value)),
            9 => assert!(
                matches!(error, OpenError::WrongPurpose { found: Purpose(found), .. } if found == value)
            ),
            10..14 if !(8..=Params::MEMORY_KIB_MAX).contains(&memory) => assert!(parameters, "bit {bit}"),
            14..17 | 18..21 => assert!(parameters, "bit {bit}: {error}"),
            17 if !(1..=16).contains(&value) => assert!(parameters, "bit {bit}: {error}"),
            // Two lanes and more need more than the 8 KiB of this file.
            21 => assert!(parameters, "bit {bit}: {error}"),
            22..24 if value > good[bit / 8] => assert_eq!(error, OpenError::Truncated),
            22..24 => assert_eq!(error, OpenError::TooLong),
            _ => assert_eq!(error, OpenError::WrongPassphrase, "bit {bit}"),
        }
    }
}

#[test]
fn every_shorter_file_is_truncated_and_every_longer_one_too_long() {
    let good = sealed();
    for length in 0..good.len() {
        assert_eq!(open_identity(&good[..length]), Err(OpenError::Truncated), "{length} bytes");
    }
    for more in [1, 16, FILE_BYTES_MAX] {
        let file = [good.as_slice(), &vec![0; more]].concat();
        assert_eq!(open_identity(&file), Err(OpenError::TooLong), "{more} bytes more");
    }
}

/// A length over the bound is refused even if the file really is that long.
#[test]
fn a_secret_over_the_bound_is_refused() {
    let mut file = sealed();
    file[22..24].copy_from_slice(&2000_u16.to_be_bytes());
    file.resize(HEADER_BYTES + 2000 + TAG_BYTES, 0);
    assert_eq!(open_identity(&file), Err(OpenError::TooLong));
}

#[test]
fn other_files_are_no_key_files() {
    for file in
        [b"x".as_slice(), b"ECOKEY\n", b"ECOKEY\n\x01\x01", b"-----BEGIN PRIVATE KEY-----", &[0; 4096]]
    {
        assert_eq!(open_identity(file), Err(OpenError::NotAKeyFile));
    }
}

/// Each of these would run out of memory or take days if Argon2id saw it.
#[test]
fn parameter_bombs_are_refused_before_any_work() {
    let m = Params::MEMORY_KIB_MAX;
    let bombs = [
        (u32::MAX, 1, 1),
        (m + 1, 1, 1),
        (m, u32::MAX, 1),
        (8, 17, 1),
        (m, 1, u32::MAX),
        (40, 1, 5),
        (m, 16, 1 << 29),
        (0, 1, 1),
        (7, 1, 1),
        (31, 1, 4),
        (8, 0, 1),
        (8, 1, 0),
    ];
    for (memory_kib, passes, lanes) in bombs {
        let error = ParamsError { memory_kib, passes, lanes };
        assert_eq!(Params::new(memory_kib, passes, lanes), Err(error));
        let mut file = sealed();
        file[10..14].copy_from_slice(&memory_kib.to_be_bytes());
        file[14..18].copy_from_slice(&passes.to_be_bytes());
        file[18..22].copy_from_slice(&lanes.to_be_bytes());
        assert_eq!(open_identity(&file), Err(OpenError::Parameters(error)));
    }
    for (memory_kib, passes, lanes) in [(8, 1, 1), (32, 16, 4), (m, 16, 4)] {
        assert!(Params::new(memory_kib, passes, lanes).is_ok(), "the bounds themselves are allowed");
    }
}

#[test]
fn secrets_and_passphrases_have_bounds() {
    let try_seal = |secret: usize, passphrase: usize| {
        let (secret, passphrase) = (vec![1; secret], vec![b'x'; passphrase]);
        seal(&secret, Purpose::IDENTITY, &passphrase, tiny(), [9; RANDOMNESS_BYTES]).map(|file| file.len())
    };
    assert_eq!(try_seal(SECRET_BYTES_MAX, PASSPHRASE_BYTES_MAX), Ok(FILE_BYTES_MAX));
    assert_eq!(try_seal(1, 1), Ok(HEADER_BYTES + 1 + TAG_BYTES));
    for length in [0, SECRET_BYTES_MAX + 1, 65_536] {
        assert_eq!(try_seal(length, 1), Err(SealError::SecretLength(length)));
    }
    for length in [0, PASSPHRASE_BYTES_MAX + 1] {
        assert_eq!(try_seal(1, length), Err(SealError::PassphraseLength(length)));
    }
}

#[test]
fn neither_file_nor_errors_nor_debug_show_the_secret() {
    let canary = b"CANARY-7f3a-SECRET";
    let file = seal(canary, Purpose::IDENTITY, b"CANARY-PASS", tiny(), [9; RANDOMNESS_BYTES]).unwrap();
    assert!(!file.windows(6).any(|window| window == b"CANARY"));
    let opened = open(&file, Purpose::IDENTITY, b"CANARY-PASS").unwrap();
    let wrong = open(&file, Purpose::IDENTITY, b"CANARY-WRONG").unwrap_err();
    let shown = format!("{opened:?} {wrong:?} {wrong}");
    assert!(!shown.contains("CANARY") && !shown.contains("67, 65, 78"), "{shown}");
}

#[test]
fn the_libraries_wipe_their_keys() {
    fn holds<T: zeroize::ZeroizeOnDrop>() {}
    holds::<ChaCha20Poly1305>();
    holds::<Zeroizing<Vec<Block>>>();
}

proptest! {
    #[test]
    fn any_secret_survives(
        secret in prop::collection::vec(any::<u8>(), 1..=SECRET_BYTES_MAX),
        passphrase in prop::collection::vec(any::<u8>(), 1..64),
        purpose: u8,
        randomness: [u8; RANDOMNESS_BYTES],
    ) {
        let file = seal(&secret, Purpose(purpose), &passphrase, tiny(), randomness).unwrap();
        prop_assert_eq!(&open(&file, Purpose(purpose), &passphrase).unwrap()[..], &secret[..]);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        // Purpose 255 is not asked for, so that no random file gets as far as Argon2id.
        let file = [MAGIC.as_slice(), &[VERSION, 255], &tail].concat();
        prop_assert!(open_identity(&file).is_err());
        prop_assert!(open_identity(&tail).is_err());
    }
}
