//! See `fuzzing::assertions`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::assertions(data));
