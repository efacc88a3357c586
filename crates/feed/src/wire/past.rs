//! What is told of the past: earlier calls and forms, who is still to be called back, the day so far.

use crate::quality::Sound;
use records::{Day, Earlier, EarlierLeg, FormRow, History, Minute, Missed, Person};
use serde::Serialize;
use std::time::Duration;

/// What is known of a call's caller, and was written down about the call.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct HistoryMessage {
    /// The caller's earlier calls, the latest first.
    earlier: Vec<EarlierCall>,
    /// What was written down about this one.
    forms: Vec<SavedForm>,
}

/// One of a caller's earlier calls.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct EarlierCall {
    at: u64,
    queue: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    call_back: bool,
    outcome: Option<String>,
    operator: Option<String>,
    waited_ms: Option<u64>,
    talked_ms: Option<u64>,
    /// How it sounded, the caller's leg first; only the legs of which that is known.
    legs: Vec<HeardLeg>,
    forms: Vec<SavedForm>,
}

/// How one leg of an earlier call sounded.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct HeardLeg {
    leg: u32,
    /// Whose phone it was; left out for the caller's, and for a number outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    operator: Option<String>,
    #[serde(flatten)]
    sound: Sound,
}

/// What an operator wrote down about a call.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct SavedForm {
    operator: String,
    saved: u64,
    outcome: Option<String>,
    categories: Vec<String>,
    text: String,
}

/// Who is still to be called back.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct MissedMessage {
    /// How many people there are, those not listed included.
    count: usize,
    people: Vec<MissedPerson>,
}

/// One of them, with all redials.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct MissedPerson {
    caller: String,
    queue: String,
    first: u64,
    last: u64,
    calls: u32,
    outcome: String,
}

/// The day so far.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct DayMessage {
    /// The number of the last event that counts in it.
    seq: u64,
    /// From when on it is known: midnight at the hotline, or later.
    since: u64,
    /// Minutes since 1970; arrived, answered, of these in time, abandoned, ended, of these reached, waited (ms, all
    /// answered together); most who waited at once, the longest anybody had waited (ms).
    minutes: Vec<[u64; 10]>,
}

impl From<&History> for HistoryMessage {
    fn from(history: &History) -> Self {
        Self {
            earlier: history.earlier.iter().map(EarlierCall::from).collect(),
            forms: history.forms.iter().map(SavedForm::from).collect(),
        }
    }
}

impl From<&Earlier> for EarlierCall {
    fn from(earlier: &Earlier) -> Self {
        Self {
            at: earlier.arrived.as_millis(),
            queue: earlier.queue.clone(),
            call_back: earlier.call_back,
            outcome: earlier.outcome.clone(),
            operator: earlier.operator.clone(),
            waited_ms: earlier.waited.map(millis),
            talked_ms: earlier.talked.map(millis),
            legs: earlier.legs.iter().filter_map(heard).collect(),
            forms: earlier.forms.iter().map(SavedForm::from).collect(),
        }
    }
}

fn heard(leg: &EarlierLeg) -> Option<HeardLeg> {
    Some(HeardLeg {
        leg: leg.leg,
        operator: leg.operator.clone(),
        sound: leg.quality.as_ref()?.into(),
    })
}

impl From<&FormRow> for SavedForm {
    fn from(row: &FormRow) -> Self {
        Self {
            operator: row.operator.clone(),
            saved: row.saved.as_millis(),
            outcome: row.form.outcome.clone(),
            categories: row.form.categories.clone(),
            text: row.form.text.clone(),
        }
    }
}

impl From<&Missed> for MissedMessage {
    fn from(missed: &Missed) -> Self {
        Self {
            count: missed.count,
            people: missed.people.iter().map(MissedPerson::from).collect(),
        }
    }
}

impl From<&Person> for MissedPerson {
    fn from(person: &Person) -> Self {
        Self {
            caller: person.caller.clone(),
            queue: person.queue.clone(),
            first: person.first.as_millis(),
            last: person.last.as_millis(),
            calls: person.calls,
            outcome: person.outcome.clone(),
        }
    }
}

impl From<&Day> for DayMessage {
    fn from(day: &Day) -> Self {
        Self {
            seq: day.seq,
            since: day.since.as_millis(),
            minutes: day.minutes.iter().map(columns).collect(),
        }
    }
}

fn columns(minute: &Minute) -> [u64; 10] {
    [
        minute.at,
        minute.arrived.into(),
        minute.answered.into(),
        minute.in_time.into(),
        minute.abandoned.into(),
        minute.ended.into(),
        minute.reached.into(),
        minute.waited_ms,
        minute.depth.into(),
        minute.oldest_ms,
    ]
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
