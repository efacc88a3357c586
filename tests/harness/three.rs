//! Who hears whom of three who talk: a tone of each is looked for at an end, and music where somebody waits.

use crate::Baresip;
use phone::{Call, Heard};
use std::time::Duration;

/// An end of a call at which it can be measured what is heard.
pub trait Hears {
    /// The next `length` of sound, or what has come of it `within` that time.
    fn hear(&self, length: Duration, within: Duration) -> impl Future<Output = Heard>;
}

impl Hears for Call {
    fn hear(&self, length: Duration, within: Duration) -> impl Future<Output = Heard> {
        Call::hear(self, length, within)
    }
}

impl Hears for Baresip {
    fn hear(&self, length: Duration, within: Duration) -> impl Future<Output = Heard> {
        Baresip::hear(self, length, within)
    }
}

/// What the three send, the caller first: whole cycles in 20 ms, so that a packet that comes late on a busy machine
/// makes a tone shorter and not another one.
pub const HZ: [u32; 3] = [400, 1_000, 1_500];

/// How much sound is judged at a time, how long it may take to come, and how often it is listened to until it is right.
const STRETCH: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(10);
const TRIES: u32 = 20;

/// The share of the power of a tone that is heard, be it the softer of two, as beside a softphone; and of one that is not.
const HEARD: f64 = 0.1;
const UNHEARD: f64 = 0.01;

/// The level above which a stretch with none of the tones counts as music, and the most that its share at one may be.
const MUSIC: f64 = 100.0;
const OF_MUSIC: f64 = 0.2;

/// Listens at one end until it hears these of the tones of [`HZ`] and none of the others.
///
/// # Panics
/// When it does not come to that, as the other two that listen.
pub async fn hears(end: &impl Hears, expected: &[usize], what: &str) {
    let right = |shares: [f64; 3], _: f64| {
        (0..3).all(|of| match expected.contains(&of) {
            true => shares[of] > HEARD,
            false => shares[of] < UNHEARD,
        })
    };
    listen(end, what, right).await;
}

/// Listens at one end until it hears music and nobody.
pub async fn hears_music(end: &impl Hears, what: &str) {
    listen(end, what, is_nobody).await;
}

/// Listens at one end until it hears that a phone is being rung, and nobody.
pub async fn hears_ringback(end: &impl Hears, what: &str) {
    listen(end, what, is_nobody).await;
}

/// Something is to be heard, and none of the three.
fn is_nobody(shares: [f64; 3], level: f64) -> bool {
    level > MUSIC && shares.iter().all(|share| *share < OF_MUSIC)
}

async fn listen(end: &impl Hears, what: &str, right: impl Fn([f64; 3], f64) -> bool) {
    let mut all = Vec::new();
    for _ in 0..TRIES {
        let heard = end.hear(STRETCH, WITHIN).await;
        let shares = HZ.map(|hz| heard.share_at(f64::from(hz)));
        if right(shares, heard.level()) {
            return;
        }
        all.push((shares, heard.level()));
    }
    panic!("{what}: heard {all:.3?}");
}
