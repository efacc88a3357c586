//! Sends a key press to a peer as `telephone-event` (RFC 4733), for a press that reached us by other means: as tones in
//! the sound, or in a SIP INFO.
//!
//! While the key is held, its packets take the place of the voice's, one for one, so that the stream goes on unbroken
//! and the peer hears the key and not the tones: one event, its duration growing by what each packet lasts, and three
//! packets that say the end (RFC 4733 §2.5.1.4). Without voice to take the place of there is no press: it waits, and
//! lapses.

use crate::clock;
use crate::moment::Moment;
use std::time::Duration;

/// The end is said so often.
const ENDS: u8 = 3;

/// What a press that waits for a packet to take the place of is worth.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Octets of an event's payload.
pub(crate) const EVENT_LEN: usize = 4;

/// Power of the tones, in -dBm0 (RFC 4733 §2.3.3): as phones say.
const VOLUME: u8 = 10;

/// A press on its way to a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Press {
    code: u8,
    /// How long the key is to be held, in samples.
    hold: u32,
    since: Moment,
    begun: Option<Begun>,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    timestamp: u32,
    held: u32,
    ends: u8,
}

/// What goes out in place of a packet of voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventPacket {
    pub(crate) payload: [u8; EVENT_LEN],
    /// All packets of a press have the timestamp of its beginning.
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// The press is over with this packet.
    pub(crate) last: bool,
}

impl Press {
    /// A press of a key for about so long. `None` for what is no key.
    pub(crate) fn new(key: char, hold: Duration, now: Moment) -> Option<Self> {
        const KEYS: &str = "0123456789*#ABCD";
        Some(Self {
            code: u8::try_from(KEYS.find(key)?).ok()?,
            hold: u32::try_from(hold.as_millis() * 8).unwrap_or(u32::MAX),
            since: now,
            begun: None,
        })
    }

    /// Whether it has waited for too long.
    pub(crate) fn lapsed(&self, now: Moment) -> bool {
        self.begun.is_none() && now.since(self.since) > WAIT_MAX
    }

    /// The packet in place of one that would have begun at `timestamp` and lasted for `samples`, for a peer who counts
    /// durations in ticks of `rate`.
    pub(crate) fn next(&mut self, timestamp: u32, samples: u32, rate: u32) -> EventPacket {
        let marker = self.begun.is_none();
        let begun = self.begun.get_or_insert(Begun {
            timestamp,
            held: 0,
            ends: 0,
        });
        if begun.ends == 0 {
            begun.held = begun.held.saturating_add(samples);
        }
        if begun.held >= self.hold {
            begun.ends += 1;
        }
        let ticks = if rate == 48_000 {
            clock::widen(begun.held)
        } else {
            begun.held
        };
        let [high, low] = u16::try_from(ticks).unwrap_or(u16::MAX).to_be_bytes();
        let flags = if begun.ends > 0 { 0x80 | VOLUME } else { VOLUME };
        EventPacket {
            payload: [self.code, flags, high, low],
            timestamp: begun.timestamp,
            marker,
            last: begun.ends == ENDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_is_one_event_with_three_ends() {
        let mut press = Press::new('#', Duration::from_millis(100), Moment(0)).expect("a key");
        let mut sent = vec![];
        for n in 0.. {
            let packet = press.next(1_000 + n * 160, 160, 8_000);
            sent.push((packet.payload, packet.timestamp, packet.marker));
            if packet.last {
                break;
            }
        }
        let event = |flags, duration: u16| {
            let [high, low] = duration.to_be_bytes();
            [11, flags, high, low]
        };
        assert_eq!(
            sent,
            [
                (event(10, 160), 1_000, true),
                (event(10, 320), 1_000, false),
                (event(10, 480), 1_000, false),
                (event(10, 640), 1_000, false),
                (event(0x8a, 800), 1_000, false),
                (event(0x8a, 800), 1_000, false),
                (event(0x8a, 800), 1_000, false),
            ]
        );
    }

    #[test]
    fn beside_opus_durations_count_in_its_clock() {
        let mut press = Press::new('0', Duration::from_millis(20), Moment(0)).expect("a key");
        assert_eq!(press.next(5, 160, 48_000).payload, [0, 0x8a, 3, 0xc0]);
    }

    #[test]
    fn a_press_that_finds_no_voice_lapses() {
        let mut press = Press::new('D', Duration::from_millis(100), Moment(0)).expect("a key");
        assert!(!press.lapsed(Moment(1_000_000)));
        assert!(press.lapsed(Moment(2_000_001)));
        press.next(0, 160, 8_000);
        assert!(!press.lapsed(Moment(9_000_000)), "once begun it is ended");
        assert!(Press::new('E', Duration::ZERO, Moment(0)).is_none());
    }
}
