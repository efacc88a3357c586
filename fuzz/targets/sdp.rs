#![no_main]
#[path = "../exercise/sdp.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exercise::sdp(data));
