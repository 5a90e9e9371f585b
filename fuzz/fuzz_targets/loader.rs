//! A site's files, all in one input: see `purlin_testkit::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purlin_testkit::fuzz::loader(data));
