//! See `fuzzing::json_pointers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::json_pointers(data));
