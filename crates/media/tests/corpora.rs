//! Runs the inputs that fuzzing kept through what the fuzz targets do with them.

#[path = "../../../fuzz/exercise/media.rs"]
mod exercise;

use std::fs;
use std::path::Path;

fn run(target: &str, exercise: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let inputs = fs::read_dir(&corpus).expect("the corpus is there");
    let mut count = 0;
    for input in inputs {
        let path = input.expect("a corpus can be read").path();
        let data = fs::read(&path).expect("an input can be read");
        let outcome = std::panic::catch_unwind(|| exercise(&data));
        assert!(outcome.is_ok(), "{} fails, as told above", path.display());
        count += 1;
    }
    assert!(count > 0, "no input in {}", corpus.display());
}

#[test]
fn rtp() {
    run("rtp", exercise::rtp);
}

#[test]
fn rtcp() {
    run("rtcp", exercise::rtcp);
}

#[test]
fn srtp() {
    run("srtp", exercise::srtp);
}

#[test]
fn dtmf() {
    run("dtmf", exercise::dtmf);
}
