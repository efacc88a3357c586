//! The tick of a media thread: plays the frames that are due, and looks after each leg ten times a second.

use crate::MediaEvent;
use crate::leg::Route;
use crate::worker::{LOOK_AFTER_TICKS, PHASES, Worker};

/// Ticks between two flushes of the counters into the metrics.
const FLUSH_TICKS: u64 = 100;

impl Worker {
    /// Serves the ticks since the last time. However late, each leg is played to once: a late packet is better
    /// than a burst, and the leg's timestamps tell of the time that is missing.
    pub(crate) fn serve_ticks(&mut self) {
        let due = self.now.ticks();
        let passed = due.saturating_sub(self.tick);
        if passed == 0 || self.legs.is_empty() {
            return;
        }
        if self.plays() {
            self.counts.late_ticks += passed.saturating_sub(PHASES as u64);
        }
        for tick in due + 1 - passed.min(PHASES as u64)..=due {
            self.play_phase(tick);
        }
        for tick in due + 1 - passed.min(LOOK_AFTER_TICKS)..=due {
            self.look_after(tick);
        }
        if self.tick / FLUSH_TICKS != due / FLUSH_TICKS {
            self.metrics.flush(&mut self.counts);
        }
        self.tick = due;
    }

    fn play_phase(&mut self, tick: u64) {
        let phase = tick as usize % PHASES;
        let mut next = 0;
        while let Some(&slot) = self.phases[phase].get(next) {
            next += 1;
            let Some(leg) = self.legs.get(slot) else { continue };
            if leg.play(tick, &self.library, self.now, &mut self.counts) {
                continue;
            }
            let id = leg.id;
            leg.phase = None;
            leg.set_route(Route::Nothing);
            next -= 1;
            self.phases[phase].swap_remove(next);
            (self.events)(MediaEvent::PromptDone { leg: id });
        }
    }

    fn look_after(&mut self, tick: u64) {
        for leg in self
            .legs
            .every((tick % LOOK_AFTER_TICKS) as usize, LOOK_AFTER_TICKS as usize)
        {
            leg.allow_more();
            if leg.fell_silent(self.silence_timeout, self.now) {
                self.metrics.timed_out.inc();
                (self.events)(MediaEvent::Silent { leg: leg.id });
            }
            if leg.report_due(self.now)
                && let Some((lost, jitter)) = leg.report(&self.cname, false, self.now, &mut self.counts)
            {
                self.metrics.lost_received.inc_by(u64::from(lost));
                self.metrics.jitter.observe(jitter);
            }
        }
    }
}
