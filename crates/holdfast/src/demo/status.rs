//! One line that tells how the demonstration goes, from the engine's own metrics.

use super::World;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use prometheus::Registry;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often the line is drawn anew on a terminal, and written to a file.
const REDRAW: Duration = Duration::from_millis(500);
const REWRITE: Duration = Duration::from_secs(10);

/// Shows the line until the demonstration ends.
pub(super) async fn show(world: Arc<World>, registry: Registry) {
    let mut out = io::stdout();
    let terminal = out.is_terminal();
    let begun = Instant::now();
    let start: Option<Timestamp> = world.options.start.parse().ok();
    let zone = TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::UTC);
    let mut every = tokio::time::interval(if terminal { REDRAW } else { REWRITE });
    while world.closing.run_until_cancelled(every.tick()).await.is_some() {
        let passed = begun.elapsed().as_secs_f64() * world.options.speed;
        let now = start.and_then(|start| start.checked_add(Duration::from_secs_f64(passed)).ok());
        let clock = now.map(|now| {
            now.to_zoned_datetime(zone.clone())
                .strftime("%a %H:%M")
                .to_string()
        });
        let line = Line {
            clock: clock.unwrap_or_default(),
            figures: Figures::read(&registry),
        };
        // Nobody is left to tell when standard output is gone.
        let _ = if terminal {
            write!(out, "\r\x1b[2K  {line}")
        } else {
            writeln!(out, "{line}")
        };
        let _ = out.flush();
    }
    if terminal {
        let _ = writeln!(out, "\n  hanging up ...");
    }
}

struct Line {
    clock: String,
    figures: Figures,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            waiting,
            oldest,
            lines,
            capacity,
            talking,
            free,
            answered,
            ended,
        } = &self.figures;
        write!(
            f,
            "{}  waiting {waiting} (oldest {oldest} s)  lines {lines}/{capacity}  talking {talking}  free {free}  \
             answered {answered} of {ended}",
            self.clock
        )
    }
}

/// What the line tells.
#[derive(Debug, Default, PartialEq)]
struct Figures {
    waiting: u64,
    oldest: u64,
    lines: u64,
    capacity: u64,
    talking: u64,
    free: u64,
    answered: u64,
    ended: u64,
}

impl Figures {
    fn read(registry: &Registry) -> Self {
        let families = registry.gather();
        let sum = |name: &str, label: &str, value: &str| -> u64 {
            let metrics = families
                .iter()
                .filter(|family| family.name() == name)
                .flat_map(|family| family.get_metric());
            let chosen = metrics.filter(|metric| {
                label.is_empty()
                    || metric
                        .get_label()
                        .iter()
                        .any(|pair| pair.name() == label && pair.value() == value)
            });
            // One of the two is there; the other reads as zero.
            chosen
                .map(|metric| metric.get_gauge().get_value() + metric.get_counter().get_value())
                .sum::<f64>() as u64
        };
        Self {
            waiting: sum("holdfast_queue_depth", "", ""),
            oldest: sum("holdfast_queue_oldest_wait_seconds", "", ""),
            lines: sum("holdfast_lines_in_use", "", ""),
            capacity: sum("holdfast_lines_capacity", "", ""),
            talking: sum("holdfast_operators", "state", "talking"),
            free: sum("holdfast_operators", "state", "available"),
            answered: sum("holdfast_calls_total", "outcome", "answered"),
            ended: sum("holdfast_calls_total", "", ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::{IntCounterVec, IntGauge, Opts};

    #[test]
    fn the_figures_are_the_engines() {
        let registry = Registry::new();
        let depth = IntGauge::new("holdfast_queue_depth", "h").unwrap();
        let calls = IntCounterVec::new(Opts::new("holdfast_calls_total", "h"), &["outcome"]).unwrap();
        registry.register(Box::new(depth.clone())).unwrap();
        registry.register(Box::new(calls.clone())).unwrap();
        depth.set(3);
        calls.with_label_values(&["answered"]).inc_by(7);
        calls.with_label_values(&["abandoned"]).inc_by(2);
        let expected = Figures {
            waiting: 3,
            answered: 7,
            ended: 9,
            ..Figures::default()
        };
        assert_eq!(Figures::read(&registry), expected);
    }
}
