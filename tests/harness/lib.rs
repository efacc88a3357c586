//! What the end-to-end tests share: the real binary under a generated configuration, real peers, and a watcher on
//! the feed.
//!
//! Every test has loopback addresses of its own, so that nothing it starts can meet what another test started. Tests
//! never sleep to let something happen: they wait for what they need to see, and fail with what they saw instead.
//! Every process ends with the test, however that ends, and leaves its output behind when the test failed.
#![allow(clippy::print_stderr, reason = "a failing test shows what its peers said")]

mod baresip;
mod chromium;
mod engine;
mod feed;
mod floor;
mod house;
mod place;
mod process;
mod recording;
mod sipp;
mod three;
mod web;

pub use baresip::{Baresip, Sends, Softphone};
pub use chromium::Chromium;
pub use engine::{Engine, SECRET, Settings, audio_dir};
pub use feed::{Feed, Left, Log};
pub use floor::{Floor, Number, shown};
pub use house::{House, hears_tone, hung_up, rung};
pub use place::Place;
pub use process::Process;
pub use recording::Recording;
pub use sipp::{Sipp, SippRun};
pub use three::{HZ, Hears, hears, hears_music, hears_ringback};
pub use web::{Metrics, Web};

use std::time::Duration;

/// The longest that anything awaited may take. Long, since it is only ever used up by a failing test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `future`, and fails the test with `what` when it takes too long.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}
