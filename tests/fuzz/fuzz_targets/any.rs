//! Every target is this program; its name says which.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ecomesh_fuzz::run(env!("CARGO_BIN_NAME"), data);
});
