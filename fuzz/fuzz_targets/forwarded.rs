//! What a stranger sends through a trusted proxy: see `purlin_testkit::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purlin_testkit::fuzz::forwarded(data));
