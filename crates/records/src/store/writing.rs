//! Rows on their way to the disk.

use super::{Store, StoreError, begin, id, length, millis, part_millis};
use crate::quality::{Path, Quality};
use crate::rows::{CallRow, Form, FormRow, LegRow, TalkRow};
use acd::{CallId, Outcome, Timestamp};
use rusqlite::{Transaction, params};

/// Columns of `calls` that may be unknown: of two rows that know one, the earlier moment is right, and
const CALL_MOMENTS: [&str; 3] = ["left_at", "connected", "forwarded"];

/// of these what is known later ([`CallRow::join`]).
const CALL_FACTS: [&str; 6] = ["waited", "operator", "ended", "outcome", "talked", "held"];

/// Columns of `legs` that may be unknown.
const LEG_FACTS: [&str; 11] = [
    "operator",
    "codec",
    "round_trip",
    "received",
    "received_lost",
    "received_jitter",
    "received_mos",
    "sent",
    "sent_lost",
    "sent_jitter",
    "sent_mos",
];

/// What is written at once.
#[derive(Default)]
pub(crate) struct Write<'a> {
    pub(crate) calls: Vec<&'a CallRow>,
    pub(crate) talks: Vec<&'a TalkRow>,
    pub(crate) legs: Vec<&'a LegRow>,
    pub(crate) forms: Vec<(CallId, &'a FormRow)>,
    pub(crate) reached: Vec<(&'a str, Timestamp, &'a str)>,
    /// Nothing that happened up to then is missing.
    pub(crate) through: Option<Timestamp>,
}

/// The statements that write a row, or join it with the one that is there.
pub(super) struct Puts {
    call: String,
    talk: String,
    leg: String,
}

impl Puts {
    pub(super) fn new() -> Self {
        let given = [
            "queue",
            "trunk",
            "caller",
            "call_back",
            "ticket",
            "since",
            "arrived",
        ];
        Self {
            call: Table {
                name: "calls",
                key: &["journal", "call"],
                given: &given,
                moments: &CALL_MOMENTS,
                facts: &CALL_FACTS,
                extreme: Some("arrived = MAX(arrived, excluded.arrived)"),
            }
            .put(),
            talk: Table {
                name: "talks",
                key: &["journal", "call", "operator"],
                given: &["began"],
                moments: &[],
                facts: &["talked", "wrap_up"],
                extreme: Some("began = MIN(began, excluded.began)"),
            }
            .put(),
            leg: Table {
                name: "legs",
                key: &["journal", "call", "leg"],
                given: &[],
                moments: &[],
                facts: &LEG_FACTS,
                extreme: None,
            }
            .put(),
        }
    }
}

impl Store {
    /// Writes all of it, or nothing.
    pub(crate) fn write(&mut self, write: &Write<'_>) -> Result<(), StoreError> {
        let (journal, puts) = (self.journal, &self.puts);
        let change = begin(&mut self.connection)?;
        put_calls(&change, &puts.call, journal, &write.calls)?;
        put_talks(&change, &puts.talk, journal, &write.talks)?;
        put_legs(&change, &puts.leg, journal, &write.legs)?;
        put_forms(&change, journal, &write.forms)?;
        let mut put = change
            .prepare_cached("INSERT OR REPLACE INTO reached (caller, at, marked_by) VALUES (?, ?, ?)")?;
        for (caller, at, by) in &write.reached {
            put.execute(params![caller, millis(*at), by])?;
        }
        drop(put);
        if let Some(through) = write.through {
            change
                .prepare_cached("INSERT OR REPLACE INTO complete (journal, through) VALUES (?, ?)")?
                .execute(params![journal, millis(through)])?;
        }
        Ok(change.commit()?)
    }
}

fn put_calls(change: &Transaction<'_>, put: &str, journal: i64, rows: &[&CallRow]) -> rusqlite::Result<()> {
    let mut put = change.prepare_cached(put)?;
    for row in rows {
        put.execute(params![
            journal,
            id(row.call),
            millis(row.known),
            &*row.queue,
            &*row.trunk,
            (!row.caller.is_withheld()).then(|| row.caller.reveal()),
            row.call.is_call_back(),
            i64::try_from(row.ticket).unwrap_or(i64::MAX),
            millis(row.since),
            millis(row.arrived),
            row.left.map(millis),
            row.connected.map(millis),
            row.forwarded.map(millis),
            row.waited.map(length),
            row.operator.as_deref(),
            row.ended.map(millis),
            row.outcome.map(Outcome::name),
            row.talked.map(length),
            row.held.map(length),
        ])?;
    }
    Ok(())
}

fn put_talks(change: &Transaction<'_>, put: &str, journal: i64, rows: &[&TalkRow]) -> rusqlite::Result<()> {
    let mut put = change.prepare_cached(put)?;
    for row in rows {
        put.execute(params![
            journal,
            id(row.call),
            &*row.operator,
            millis(row.known),
            millis(row.began),
            row.talked.map(length),
            row.wrap_up.map(length),
        ])?;
    }
    Ok(())
}

fn put_legs(change: &Transaction<'_>, put: &str, journal: i64, rows: &[&LegRow]) -> rusqlite::Result<()> {
    let mut put = change.prepare_cached(put)?;
    for row in rows {
        let quality = row.quality.as_ref();
        let received = quality.and_then(|quality| quality.received);
        let sent = quality.and_then(|quality| quality.sent);
        let packets = |path: Path| count(path.packets);
        let lost = |path: Path| count(path.lost);
        let jitter = |path: Path| part_millis(path.jitter);
        let mos = |path: Path| path.mos;
        put.execute(params![
            journal,
            id(row.leg.call),
            row.leg.leg,
            millis(row.known),
            row.operator.as_deref(),
            quality.and_then(|quality| quality.codec.as_deref()),
            quality.and_then(round_trip),
            received.map(packets),
            received.map(lost),
            received.map(jitter),
            received.map(mos),
            sent.map(packets),
            sent.map(lost),
            sent.map(jitter),
            sent.map(mos),
        ])?;
    }
    Ok(())
}

fn round_trip(quality: &Quality) -> Option<f64> {
    quality.round_trip.map(part_millis)
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn put_forms(change: &Transaction<'_>, journal: i64, rows: &[(CallId, &FormRow)]) -> rusqlite::Result<()> {
    let mut put = change.prepare_cached(
        "INSERT OR REPLACE INTO forms (journal, call, operator, saved, outcome, categories, text) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for (call, row) in rows {
        let Form {
            outcome,
            categories,
            text,
        } = &row.form;
        let categories = serde_json::Value::from(categories.as_slice()).to_string();
        put.execute(params![
            journal,
            id(*call),
            row.operator,
            millis(row.saved),
            outcome,
            categories,
            text
        ])?;
    }
    Ok(())
}

/// A table, and how two rows of one key become one.
struct Table<'a> {
    name: &'a str,
    key: &'a [&'a str],
    /// Always known, as the key is.
    given: &'a [&'a str],
    /// May be unknown; the earlier is right.
    moments: &'a [&'a str],
    /// May be unknown; what is known later is right.
    facts: &'a [&'a str],
    /// For one of those given, what else is right.
    extreme: Option<&'a str>,
}

impl Table<'_> {
    /// The statement that writes a row, or joins it with the one that is there.
    fn put(&self) -> String {
        let columns: Vec<&str> = self
            .key
            .iter()
            .chain(&["known"])
            .chain(self.given)
            .chain(self.moments)
            .chain(self.facts)
            .copied()
            .collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let earliest = self.moments.iter().map(|moment| {
            // MIN of one that is NULL is NULL.
            format!(
                "{moment} = IFNULL(MIN({moment}, excluded.{moment}), IFNULL({moment}, excluded.{moment}))"
            )
        });
        let latest = self.facts.iter().map(|fact| {
            format!(
                "{fact} = CASE WHEN excluded.known >= known THEN IFNULL(excluded.{fact}, {fact}) \
                 ELSE IFNULL({fact}, excluded.{fact}) END"
            )
        });
        let joined: Vec<String> = earliest
            .chain(latest)
            .chain(self.extreme.map(str::to_owned))
            .collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({marks}) ON CONFLICT ({}) DO UPDATE SET {}, \
             known = MAX(known, excluded.known)",
            self.name,
            columns.join(", "),
            self.key.join(", "),
            joined.join(", ")
        )
    }
}
