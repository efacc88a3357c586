//! Key presses sent as `telephone-event` (RFC 4733): what a payload says, and which payloads are one press.
//!
//! A press is reported with its first packet, whichever that is: each of its packets carries the press's own
//! timestamp, so a lost beginning or a lost end costs nothing, and the copies of the end add nothing.

use crate::clock;
use crate::packet::Header;
use std::ops::Range;

/// What a `telephone-event` payload says (RFC 4733 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TelephoneEvent {
    code: u8,
    end: bool,
    /// Samples since the event began.
    pub(crate) duration: u16,
}

impl TelephoneEvent {
    /// The first event of a payload. `None` when it is cut short.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let &[code, flags, high, low] = payload.first_chunk()?;
        Some(Self {
            code,
            end: flags & 0x80 != 0,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// Writes how long a key was held so far, in samples, into the payload of a packet that goes to a peer who counts
    /// in ticks of `rate`. More than the field can hold is written as the most.
    pub(crate) fn write_duration(samples: u32, rate: u32, packet: &mut [u8], payload: &Range<usize>) {
        let ticks = if rate == 48_000 {
            clock::widen(samples)
        } else {
            samples
        };
        let ticks = u16::try_from(ticks).unwrap_or(u16::MAX).to_be_bytes();
        let at = payload.start + 2;
        if let Some(field) = packet.get_mut(at..at + 2) {
            field.copy_from_slice(&ticks);
        }
    }

    /// The key, for the sixteen events that are keys (RFC 4733 §3.2).
    fn key(self) -> Option<char> {
        const KEYS: [char; 16] = [
            '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D',
        ];
        KEYS.get(usize::from(self.code)).copied()
    }
}

/// Tells presses apart.
#[derive(Debug, Default)]
pub(crate) struct KeyPresses {
    last: Option<(u32, TelephoneEvent)>,
}

impl KeyPresses {
    /// Forgets what was pressed: a new stream has timestamps of its own.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// The key that this packet is the first to tell of.
    pub(crate) fn hear(&mut self, header: &Header, event: TelephoneEvent) -> Option<char> {
        let before = self.last;
        if before.is_some_and(|(timestamp, _)| (header.timestamp.wrapping_sub(timestamp) as i32) < 0) {
            return None;
        }
        let known = before.is_some_and(|(timestamp, last)| {
            timestamp == header.timestamp || is_next_segment(timestamp, last, header.timestamp, event)
        });
        self.last = Some((header.timestamp, event));
        if known { None } else { event.key() }
    }
}

/// Whether a press of over 8 s goes on in an event of its own (RFC 4733 §2.5.1.3).
fn is_next_segment(timestamp: u32, last: TelephoneEvent, next_timestamp: u32, next: TelephoneEvent) -> bool {
    let ended_there = timestamp.wrapping_add(u32::from(last.duration)) == next_timestamp;
    !last.end && last.code == next.code && ended_there
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hears packets written as (timestamp, event, end, duration).
    fn check(packets: &[(u32, u8, bool, u16)], expect: &str) {
        let mut presses = KeyPresses::default();
        let heard: String = packets
            .iter()
            .filter_map(|&(timestamp, code, end, duration)| {
                let [high, low] = duration.to_be_bytes();
                let payload = [code, if end { 0x8a } else { 0x0a }, high, low];
                let event = TelephoneEvent::parse(&payload).expect("a whole payload");
                assert_eq!(event, TelephoneEvent { code, end, duration });
                let header = Header {
                    payload_type: 101,
                    marker: false,
                    sequence: 0,
                    timestamp,
                    ssrc: 0,
                };
                presses.hear(&header, event)
            })
            .collect();
        assert_eq!(heard, expect, "{packets:?}");
    }

    #[test]
    fn a_press_is_reported_once_whatever_packets_are_lost() {
        let press = [
            (800, 5, false, 160),
            (800, 5, false, 320),
            (800, 5, true, 480),
            (800, 5, true, 480),
        ];
        check(&press, "5");
        check(&press[1..], "5");
        check(&press[3..], "5");
        check(&press[..1], "5");
    }

    #[test]
    fn equal_keys_pressed_twice_are_two() {
        check(
            &[
                (800, 1, true, 480),
                (2_400, 1, false, 160),
                (800, 1, true, 480),
                (2_400, 1, true, 400),
            ],
            "11",
        );
        check(&[(u32::MAX - 100, 11, true, 480), (900, 11, true, 480)], "##");
    }

    #[test]
    fn a_long_press_in_segments_is_one() {
        check(
            &[
                (800, 9, false, 0xffff),
                (800 + 0xffff, 9, false, 160),
                (800 + 0xffff, 9, true, 320),
            ],
            "9",
        );
        check(&[(800, 9, true, 0xffff), (800 + 0xffff, 9, false, 160)], "99");
    }

    #[test]
    fn all_keys_have_names_and_other_events_none() {
        let all: Vec<(u32, u8, bool, u16)> = (0..=255)
            .map(|code| (u32::from(code) * 2_000, code, true, 160))
            .collect();
        check(&all, "0123456789*#ABCD");
    }

    #[test]
    fn a_payload_cut_short_is_none() {
        assert_eq!(TelephoneEvent::parse(&[1, 2, 3]), None);
    }
}
