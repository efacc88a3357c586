//! Who is still to be called back.

use crate::store::{Store, StoreError};
use acd::{CallerNumber, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// People listed at most: those who called last. The others are counted.
const LISTED_MAX: usize = 300;

/// People counted at most; those of a flood beyond it come into view when others have been reached.
pub(crate) const PEOPLE_MAX: usize = 50_000;

/// How often the list is told at most.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Who called, was not served, and was not reached since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// One line a person, who has waited longest for our call first.
    pub people: Vec<Person>,
    /// How many there are, those not listed included.
    pub count: usize,
}

/// One of them; redials are folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub caller: String,
    /// The queue called last.
    pub queue: String,
    /// When the first of the calls came that nobody took.
    pub first: Timestamp,
    /// When the last one came.
    pub last: Timestamp,
    /// How many there were.
    pub calls: u32,
    /// How the last one ended.
    pub outcome: String,
}

/// Keeps the list as the database has it.
pub(crate) struct Watchlist {
    people: BTreeMap<String, Person>,
    /// Callers whose line may have changed.
    touched: BTreeSet<String>,
    told: watch::Sender<Arc<Missed>>,
    told_at: Option<Instant>,
    changed: bool,
}

impl Watchlist {
    pub(crate) fn new(told: watch::Sender<Arc<Missed>>) -> Self {
        Self {
            people: BTreeMap::new(),
            touched: BTreeSet::new(),
            told,
            told_at: None,
            changed: false,
        }
    }

    /// Something may have changed for a caller; those who withhold their number cannot be called.
    pub(crate) fn touch(&mut self, caller: &CallerNumber) {
        if !caller.is_withheld() {
            self.touched.insert(caller.reveal().to_owned());
        }
    }

    /// Looks up those who were touched, and `others`: when all that touched them is written.
    ///
    /// # Errors
    /// When the database fails: they are looked up next time.
    pub(crate) fn look_up<'a>(
        &mut self,
        store: &Store,
        from: Timestamp,
        others: impl Iterator<Item = &'a str>,
    ) -> Result<(), StoreError> {
        self.touched.extend(others.map(str::to_owned));
        while let Some(caller) = self.touched.first() {
            let person = store.missed(caller, from)?;
            if let Some(caller) = self.touched.pop_first() {
                self.put(caller, person);
            }
        }
        Ok(())
    }

    /// Looks up everybody. Those who were touched stay so: what touched them may not be written yet.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn renew(&mut self, store: &Store, from: Timestamp) -> Result<(), StoreError> {
        let callers = store.missed_callers(from)?;
        self.people.clear();
        self.changed = true;
        for caller in callers {
            let person = store.missed(&caller, from)?;
            self.put(caller, person);
        }
        Ok(())
    }

    fn put(&mut self, caller: String, person: Option<Person>) {
        self.changed |= self.people.get(&caller) != person.as_ref();
        match person {
            Some(person) if self.people.len() < PEOPLE_MAX || self.people.contains_key(&caller) => {
                self.people.insert(caller, person);
            }
            Some(_) => {}
            None => drop(self.people.remove(&caller)),
        }
    }

    /// Tells the list if it has changed, but not too often.
    pub(crate) fn tell(&mut self) {
        let rests = self.told_at.is_some_and(|at| at.elapsed() < TELL_EVERY);
        if self.changed && !rests {
            self.changed = false;
            self.told_at = Some(Instant::now());
            self.told.send_replace(Arc::new(self.listed()));
        }
    }

    fn listed(&self) -> Missed {
        let mut people: Vec<&Person> = self.people.values().collect();
        people.sort_by_key(|person| Reverse(person.last));
        people.truncate(LISTED_MAX);
        people.sort_by_key(|person| person.first);
        Missed {
            people: people.into_iter().cloned().collect(),
            count: self.people.len(),
        }
    }
}
