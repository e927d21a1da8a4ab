//! See `fuzzing::form_token`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::form_token(data));
