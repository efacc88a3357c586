//! Who is still to be called back.

use acd::Timestamp;

/// People listed at most: those who called last. The others are counted.
pub(crate) const PEOPLE_MAX: usize = 300;

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
