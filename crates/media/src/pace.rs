//! How long a media thread lets packets gather before it asks for them.
//!
//! Asking the kernel for each packet alone costs a system call and, when the thread had nothing else to do, a sleep and
//! a wake-up for each. While there are few packets that is as it should be: each goes on at once. While there are many,
//! a pause of a few packets' time costs no more than one, and saves most of that.

use std::time::Duration;

/// Packets a millisecond from which on they are gathered: what 200 talking pairs bring.
const GATHERED_FROM: u64 = 20;

/// A pause lasts as long as so many packets take to come.
const GATHERED: u64 = 5;

/// Bounds of a pause. A shorter one would cost as much as it saves, a longer one only delay.
const PAUSE_MIN: Duration = Duration::from_micros(50);
const PAUSE_MAX: Duration = Duration::from_micros(200);

/// What came in the current tick and the one before.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    tick: u64,
    packets: u64,
    /// Packets in the last full tick.
    before: u64,
}

impl Pace {
    /// Packets were ready at a tick of 1 ms.
    pub(crate) fn came(&mut self, packets: usize, tick: u64) {
        if tick != self.tick {
            // Whoever slept over a tick had nothing to do in it.
            let passed = tick.saturating_sub(self.tick).max(1);
            (self.before, self.packets, self.tick) = (self.packets / passed, 0, tick);
        }
        self.packets += packets as u64;
    }

    /// How long to let packets gather now.
    pub(crate) fn pause(&self) -> Duration {
        if self.before < GATHERED_FROM {
            return Duration::ZERO;
        }
        Duration::from_micros(GATHERED * 1_000 / self.before).clamp(PAUSE_MIN, PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_gathered_while_there_are_many() {
        let mut pace = Pace::default();
        for (packets, tick, micros) in [
            (19, 1, 0),
            (0, 2, 0),
            (10, 2, 0),
            (15, 2, 0),
            (1, 3, 200),
            (0, 4, 0),
            (50, 5, 0),
            (0, 6, 100),
            (400, 6, 100),
            (0, 7, 50),
            (220, 8, 0),
            (0, 19, 200),
            (0, 20, 0),
        ] {
            pace.came(packets, tick);
            let pause = pace.pause().as_micros();
            assert_eq!(pause, micros, "{packets} packets at {tick}");
        }
    }
}
