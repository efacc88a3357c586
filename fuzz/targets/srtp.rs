#![no_main]
#[path = "../exercise/media.rs"]
#[allow(dead_code, reason = "each target uses a part of it")]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exercise::srtp(data));
