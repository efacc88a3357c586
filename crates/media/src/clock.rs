//! RTP clocks. Inside the media plane all time is counted in samples of 8,000 a second, whatever a leg's codec;
//! Opus's clock of 48,000 (RFC 7587 §4.1) exists on the wire alone.

/// Ticks of Opus's clock in one of ours.
const OPUS_TICKS: u32 = 6;

/// Brings the timestamps of a peer's Opus stream to our clock.
#[derive(Debug, Default)]
pub(crate) struct OpusClock {
    /// A timestamp on the wire, and the same moment in ours.
    anchor: Option<(u32, u32)>,
}

impl OpusClock {
    /// The source is about to change: its next timestamp has nothing to do with the last.
    pub(crate) fn forget(&mut self) {
        self.anchor = None;
    }

    /// A timestamp in our clock. The anchor follows in whole ticks of ours, so that neither rounding nor the wrap of
    /// 32 bits, which are no multiple of six, ever adds up.
    pub(crate) fn narrow(&mut self, wire: u32) -> u32 {
        let (wire_before, before) = self.anchor.unwrap_or((wire, wire));
        let passed = (wire.wrapping_sub(wire_before) as i32).div_euclid(OPUS_TICKS as i32);
        let now = before.wrapping_add_signed(passed);
        let wire_now = wire_before.wrapping_add_signed(passed.wrapping_mul(OPUS_TICKS as i32));
        self.anchor = Some((wire_now, now));
        now
    }
}

/// A timestamp, or a number of samples, of ours in Opus's clock. Both wrap together.
pub(crate) fn widen(ours: u32) -> u32 {
    ours.wrapping_mul(OPUS_TICKS)
}

/// A number of ticks at `rate` a second in samples of ours.
pub(crate) fn samples(ticks: u32, rate: u32) -> u32 {
    if rate == 48_000 { ticks / OPUS_TICKS } else { ticks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_kept_over_the_wrap_and_in_any_order() {
        let mut clock = OpusClock::default();
        let start = u32::MAX - 960 * 2 - 7;
        let at = |n: u32| start.wrapping_add(960 * n);
        let first = clock.narrow(at(0));
        for n in [1, 2, 4, 3, 5, 60_000, 59_999, 120_000] {
            assert_eq!(clock.narrow(at(n)).wrapping_sub(first), 160 * n, "packet {n}");
        }
        assert_eq!(
            clock.narrow(at(120_000).wrapping_add(5)).wrapping_sub(first),
            160 * 120_000,
            "rounded down"
        );
        assert_eq!(
            clock.narrow(at(120_001)).wrapping_sub(first),
            160 * 120_001,
            "and not for good"
        );
    }

    #[test]
    fn what_is_widened_goes_on_over_our_wrap() {
        let before = u32::MAX - 159;
        assert_eq!(widen(before.wrapping_add(160)).wrapping_sub(widen(before)), 960);
    }
}
