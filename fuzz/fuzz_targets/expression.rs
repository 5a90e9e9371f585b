//! An expression over a few models: see `purlin_schema::expr::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purlin_schema::expr::fuzz(data));
