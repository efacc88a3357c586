//! The database: SQLite, in one file.
//!
//! Owns the SQL. All of it is here, so that another database is another such file.

mod writing;

pub(crate) use writing::Write;

use crate::curve::Step;
use crate::missed::{PEOPLE_MAX, Person};
use crate::quality::{Path as Way, Quality};
use crate::rows::{Earlier, EarlierLeg, Form, FormRow};
use acd::{CallId, Outcome, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;
use writing::Puts;

/// How long another program may hold the database before a write of ours fails.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// How the tables became what they are: each step leads to the version of its place, counted from 1. Steps are only added.
const STEPS: [&str; 2] = [include_str!("schema/1.sql"), include_str!("schema/2.sql")];

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Earlier calls told at most.
const EARLIER_MAX: u32 = 8;

/// A caller's calls that are folded into one line at most.
const REDIALS_MAX: u32 = 1_000;

/// Calls removed in one transaction.
const REMOVED_AT_ONCE: u32 = 5_000;

/// Calls that nobody took and nobody promised anything for. A call-back is abandoned when the caller calls again.
const NOT_SERVED: &str = "connected IS NULL AND forwarded IS NULL AND caller IS NOT NULL \
     AND outcome IN ('abandoned', 'timed_out', 'saturated', 'closed', 'failed') \
     AND NOT (call_back = 1 AND outcome = 'abandoned')";

/// Why the database cannot be used now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
    #[error("{0}")]
    File(#[from] io::Error),
    #[error("its tables are of version {0}, which this version does not know; use the program that wrote it")]
    Newer(i64),
}

/// An open database, for the calls of one journal.
pub(crate) struct Store {
    connection: Connection,
    journal: i64,
    puts: Puts,
}

impl Store {
    /// Opens the database at `path`, which is made if it is not there, readable by its owner alone.
    pub(crate) fn open(path: &Path, journal: u32) -> Result<Self, StoreError> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let private = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path);
        drop(private?);
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Readers, such as a report, do not hinder us; a commit is on the disk before it is told.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let mut store = Self {
            connection,
            journal: i64::from(journal),
            puts: Puts::new(),
        };
        store.migrate()?;
        Ok(store)
    }

    /// Brings the tables of an older version, or a new file, to this one: all the way or not at all.
    fn migrate(&mut self) -> Result<(), StoreError> {
        let change = begin(&mut self.connection)?;
        let version: i64 = change.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let done = usize::try_from(version).ok().filter(|done| *done <= STEPS.len());
        let done = done.ok_or(StoreError::Newer(version))?;
        for step in STEPS.iter().skip(done) {
            change.execute_batch(step)?;
        }
        if done < STEPS.len() {
            change.pragma_update(None, "user_version", STEPS.len() as i64)?;
        }
        Ok(change.commit()?)
    }

    /// Up to when nothing of this journal is missing.
    pub(crate) fn through(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT through FROM complete WHERE journal = ?")?;
        let through = query.query_row([self.journal], |row| moment(row, 0)).optional()?;
        Ok(through)
    }

    /// Whether an operator had a call.
    pub(crate) fn had(&self, call: CallId, operator: &str) -> Result<bool, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT 1 FROM talks WHERE journal = ? AND call = ? AND operator = ?")?;
        Ok(query.exists(params![self.journal, id(call), operator])?)
    }

    /// Who called: none if that was withheld. None at all: there is no such call.
    pub(crate) fn caller(&self, call: CallId) -> Result<Option<Option<String>>, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT caller FROM calls WHERE journal = ? AND call = ?")?;
        let caller = query
            .query_row(params![self.journal, id(call)], |row| row.get(0))
            .optional()?;
        Ok(caller)
    }

    /// What was written down about a call.
    pub(crate) fn forms(&self, call: CallId) -> Result<Vec<FormRow>, StoreError> {
        self.forms_of(self.journal, id(call))
    }

    fn forms_of(&self, journal: i64, call: i64) -> Result<Vec<FormRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT operator, saved, outcome, categories, text FROM forms WHERE journal = ? AND call = ? ORDER BY saved",
        )?;
        let rows = query.query_map([journal, call], |row| {
            let categories: String = row.get(3)?;
            Ok(FormRow {
                operator: row.get(0)?,
                saved: moment(row, 1)?,
                form: Form {
                    outcome: row.get(2)?,
                    // Written by us; what cannot be read is no reason to hide the text.
                    categories: serde_json::from_str(&categories).unwrap_or_default(),
                    text: row.get(4)?,
                },
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The calls of `caller` apart from `but`, the latest first.
    pub(crate) fn earlier(&self, caller: &str, but: CallId) -> Result<Vec<Earlier>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT arrived, queue, call_back, outcome, operator, waited, talked, journal, call FROM calls \
             WHERE caller = ?1 AND NOT (journal = ?2 AND call = ?3) ORDER BY arrived DESC LIMIT ?4",
        )?;
        let rows = query.query_map(params![caller, self.journal, id(but), EARLIER_MAX], |row| {
            let earlier = Earlier {
                arrived: moment(row, 0)?,
                queue: row.get(1)?,
                call_back: row.get(2)?,
                outcome: row.get(3)?,
                operator: row.get(4)?,
                waited: span(row, 5)?,
                talked: span(row, 6)?,
                legs: Vec::new(),
                forms: Vec::new(),
            };
            Ok((earlier, row.get::<_, i64>(7)?, row.get::<_, i64>(8)?))
        })?;
        rows.map(|row| {
            let (earlier, journal, call) = row?;
            let (legs, forms) = (self.legs_of(journal, call)?, self.forms_of(journal, call)?);
            Ok(Earlier {
                legs,
                forms,
                ..earlier
            })
        })
        .collect()
    }

    fn legs_of(&self, journal: i64, call: i64) -> Result<Vec<EarlierLeg>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT leg, operator, codec, round_trip, received, received_lost, received_jitter, received_mos, \
             sent, sent_lost, sent_jitter, sent_mos FROM legs WHERE journal = ? AND call = ? ORDER BY leg",
        )?;
        let rows = query.query_map([journal, call], |row| {
            let quality = Quality {
                codec: row.get::<_, Option<String>>(2)?.map(Cow::Owned),
                round_trip: row.get::<_, Option<f64>>(3)?.map(of_part_millis),
                received: way(row, 4)?,
                sent: way(row, 8)?,
            };
            Ok(EarlierLeg {
                leg: row.get(0)?,
                operator: row.get(1)?,
                quality: quality.is_known().then_some(quality),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Who has called since `from` without being served: their numbers, of those who called last.
    pub(crate) fn missed_callers(&self, from: Timestamp) -> Result<Vec<String>, StoreError> {
        let mut query = self.connection.prepare_cached(&format!(
            "SELECT caller FROM calls WHERE arrived >= ? AND {NOT_SERVED} \
             GROUP BY caller ORDER BY MAX(arrived) DESC LIMIT {PEOPLE_MAX}"
        ))?;
        let rows = query.query_map([millis(from)], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The line for `caller`, if there is to be one.
    pub(crate) fn missed(&self, caller: &str, from: Timestamp) -> Result<Option<Person>, StoreError> {
        let mut query = self.connection.prepare_cached(&format!(
            "SELECT arrived, queue, outcome FROM calls WHERE caller = ?1 AND arrived >= ?2 AND {NOT_SERVED} \
             AND arrived > IFNULL((SELECT MAX(connected) FROM calls WHERE caller = ?1), -1) \
             AND arrived > IFNULL((SELECT MAX(forwarded) FROM calls WHERE caller = ?1), -1) \
             AND arrived > IFNULL((SELECT at FROM reached WHERE caller = ?1), -1) \
             ORDER BY arrived LIMIT ?3"
        ))?;
        let mut rows = query.query(params![caller, millis(from), REDIALS_MAX])?;
        let mut person: Option<Person> = None;
        while let Some(row) = rows.next()? {
            let arrived = moment(row, 0)?;
            let person = person.get_or_insert_with(|| Person {
                caller: caller.to_owned(),
                queue: String::new(),
                first: arrived,
                last: arrived,
                calls: 0,
                outcome: String::new(),
            });
            person.last = arrived;
            person.queue = row.get(1)?;
            person.outcome = row.get(2)?;
            person.calls += 1;
        }
        Ok(person)
    }

    /// What happened since `midnight`, and who may have begun to wait in the day before it, in order of time. A call that
    /// is not over counts as waiting if `waits` says so.
    pub(crate) fn steps(
        &self,
        midnight: Timestamp,
        waits: impl Fn(CallId) -> bool,
    ) -> Result<Vec<(Timestamp, Step)>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT journal, call, since, arrived, left_at, connected, waited, ended, outcome FROM calls \
             WHERE arrived >= ?",
        )?;
        let mut rows = query.query([millis(midnight - DAY)])?;
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            let journal: i64 = row.get(0)?;
            let call = CallId(u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default());
            let (since, arrived, left) = (moment(row, 2)?, moment(row, 3)?, moment_if(row, 4)?);
            if !call.is_call_back() && (left.is_some() || journal == self.journal && waits(call)) {
                let resumed = since < arrived;
                let step = Step::Arrived { call, since, resumed };
                steps.push((arrived, step));
                steps.extend(left.map(|at| (at, Step::Left(call))));
            }
            if let (Some(at), Some(waited)) = (moment_if(row, 5)?, span(row, 6)?) {
                steps.push((at, Step::Connected { call, waited }));
            }
            let outcome: Option<String> = row.get(8)?;
            let outcome = Outcome::ALL
                .into_iter()
                .find(|o| Some(o.name()) == outcome.as_deref());
            if let (Some(at), Some(outcome)) = (moment_if(row, 7)?, outcome) {
                steps.push((at, Step::Ended(call, outcome)));
            }
        }
        // Stable: what happened to one call within a millisecond stays in its order.
        steps.sort_by_key(|(at, _)| *at);
        Ok(steps)
    }

    /// Removes some of what is older than `before`. Returns how many calls went; fewer than
    /// [`REMOVED_AT_ONCE`] means that it was all.
    pub(crate) fn remove(&mut self, before: Timestamp) -> Result<(u64, bool), StoreError> {
        let before = millis(before);
        let change = begin(&mut self.connection)?;
        let calls = change.execute(
            "DELETE FROM calls WHERE (journal, call) IN \
             (SELECT journal, call FROM calls WHERE arrived < ? ORDER BY arrived LIMIT ?)",
            params![before, REMOVED_AT_ONCE],
        )?;
        let more = calls >= REMOVED_AT_ONCE as usize;
        if !more {
            change.execute("DELETE FROM talks WHERE began < ?", [before])?;
            change.execute("DELETE FROM legs WHERE known < ?", [before])?;
            change.execute("DELETE FROM forms WHERE saved < ?", [before])?;
            change.execute("DELETE FROM reached WHERE at < ?", [before])?;
        }
        change.commit()?;
        Ok((calls as u64, more))
    }
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn id(CallId(call): CallId) -> i64 {
    i64::try_from(call).unwrap_or(i64::MAX)
}

fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

fn at_millis(millis: i64) -> Timestamp {
    Timestamp::from_micros(u64::try_from(millis).unwrap_or_default().saturating_mul(1_000))
}

fn length(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn part_millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn of_part_millis(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1_000.0).unwrap_or_default()
}

/// One direction of a leg: four columns from `first` on.
fn way(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Way>> {
    let Some(packets) = row.get::<_, Option<i64>>(first)? else {
        return Ok(None);
    };
    Ok(Some(Way {
        packets: u64::try_from(packets).unwrap_or_default(),
        lost: u64::try_from(row.get::<_, i64>(first + 1)?).unwrap_or_default(),
        jitter: of_part_millis(row.get(first + 2)?),
        mos: row.get(first + 3)?,
    }))
}

fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(at_millis)
}

fn moment_if(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let millis: Option<i64> = row.get(column)?;
    Ok(millis.map(at_millis))
}

fn span(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Duration>> {
    let millis: Option<i64> = row.get(column)?;
    Ok(millis.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or_default())))
}
