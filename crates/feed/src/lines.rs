//! A supervisor's order of lines: what it may ask for.
//!
//! Owns the bounds of `set_lines`. The core would take any order; these keep a slip of the hand from opening lines
//! nobody has, or from standing in for the schedule for ever.

use crate::command::Refusal;
use acd::schedule::{LINES_MAX, LOOK_AHEAD_DAYS};
use acd::{Input, Timestamp};
use std::time::Duration;

/// How far ahead of the engine's clock an order may end, in days: as far as the schedule is looked at.
pub(crate) const AHEAD_DAYS_MAX: u32 = LOOK_AHEAD_DAYS;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The input for an order of `lines` until `until`, in milliseconds since the Unix epoch.
///
/// # Errors
/// More lines than [`LINES_MAX`] or fewer than none; or no moment at all.
pub(crate) fn order(lines: i64, until: i64) -> Result<Input, Refusal> {
    let lines = u32::try_from(lines).ok().filter(|lines| *lines <= LINES_MAX);
    let until = u64::try_from(until)
        .ok()
        .and_then(|millis| millis.checked_mul(1_000));
    Ok(Input::SetLines {
        lines: lines.ok_or(Refusal::LinesOutOfRange)?,
        until: Timestamp::from_micros(until.ok_or(Refusal::UntilOutOfRange)?),
    })
}

/// Whether an order, if `input` is one, ends after `now` and not too far ahead.
///
/// # Errors
/// [`Refusal::UntilOutOfRange`].
pub(crate) fn in_time(input: &Input, now: Timestamp) -> Result<(), Refusal> {
    match input {
        Input::SetLines { until, .. } if *until <= now || *until > now + DAY * AHEAD_DAYS_MAX => {
            Err(Refusal::UntilOutOfRange)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_from_none_to_the_most() {
        let until = Timestamp::from_micros(5_000);
        for lines in [0, 6, LINES_MAX] {
            assert_eq!(order(lines.into(), 5), Ok(Input::SetLines { lines, until }));
        }
        for lines in [-1, i64::from(LINES_MAX) + 1, 1 << 32, i64::MAX] {
            assert_eq!(order(lines, 5), Err(Refusal::LinesOutOfRange), "{lines}");
        }
    }

    #[test]
    fn until_a_moment_ahead_but_not_far_ahead() {
        let now = Timestamp::from_secs(1_763_888_400);
        let end = now + DAY * AHEAD_DAYS_MAX;
        let millisecond = Duration::from_millis(1);
        let table = [
            (now - millisecond, false),
            (now, false),
            (now + millisecond, true),
            (end, true),
            (end + millisecond, false),
        ];
        for (until, allowed) in table {
            let came = in_time(&Input::SetLines { lines: 6, until }, now);
            assert_eq!(came.is_ok(), allowed, "{until:?}");
        }
        assert_eq!(in_time(&Input::FollowSchedule, now), Ok(()));
        for moment in [-1, i64::MAX] {
            assert_eq!(order(6, moment), Err(Refusal::UntilOutOfRange), "{moment}");
        }
    }
}
