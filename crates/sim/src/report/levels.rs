//! The service level, under every formula in common use.
//!
//! With T the target, N calls offered, A answered, A(T) answered within T, L(T) hung up within T, S short-abandoned.

use super::{count, is_answered, is_lost, share};
use crate::record::CallRecord;
use acd::Outcome;
use serde::Serialize;
use std::str::FromStr;
use std::time::Duration;

/// A way to work out the service level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Formula {
    /// A(T) / N: everybody who called counts. The strictest.
    OfOffered,
    /// A(T) / (N − S): whoever hung up within the first seconds had not meant to call.
    WithoutShort,
    /// A(T) / (N − L(T)): whoever hung up within the target cannot have been answered late.
    WithoutEarly,
    /// (A(T) + L(T)) / N: those count as met.
    EarlyAsMet,
    /// A(T) / A: of answered calls alone; those who gave up do not count. The kindest.
    OfAnswered,
    /// Persons answered within T at their first attempt / persons: what a citizen sees.
    OfPersons,
}

/// A service level and the formula it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceLevel {
    /// Which formula.
    pub formula: Formula,
    /// The formula in words.
    pub words: &'static str,
    /// The value, 0–1; absent if nobody counts.
    pub value: Option<f64>,
}

/// A name that is no formula's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown formula {0:?}; use of-offered, without-short, without-early, early-as-met, of-answered or of-persons"
)]
pub struct UnknownFormula(String);

impl FromStr for Formula {
    type Err = UnknownFormula;

    fn from_str(text: &str) -> Result<Self, UnknownFormula> {
        let found = Self::ALL.into_iter().find(|formula| formula.name() == text);
        found.ok_or_else(|| UnknownFormula(text.to_owned()))
    }
}

impl Formula {
    /// The name used in commands.
    pub const fn name(self) -> &'static str {
        match self {
            Formula::OfOffered => "of-offered",
            Formula::WithoutShort => "without-short",
            Formula::WithoutEarly => "without-early",
            Formula::EarlyAsMet => "early-as-met",
            Formula::OfAnswered => "of-answered",
            Formula::OfPersons => "of-persons",
        }
    }

    /// All formulas, the strictest first.
    pub const ALL: [Formula; 6] = [
        Formula::OfOffered,
        Formula::WithoutShort,
        Formula::WithoutEarly,
        Formula::EarlyAsMet,
        Formula::OfAnswered,
        Formula::OfPersons,
    ];

    /// The formula in words; T is the target.
    pub const fn words(self) -> &'static str {
        match self {
            Formula::OfOffered => "answered ≤ T / offered",
            Formula::WithoutShort => "answered ≤ T / (offered − short-abandoned)",
            Formula::WithoutEarly => "answered ≤ T / (offered − hung up ≤ T)",
            Formula::EarlyAsMet => "(answered ≤ T + hung up ≤ T) / offered",
            Formula::OfAnswered => "answered ≤ T / answered",
            Formula::OfPersons => "persons answered ≤ T at first attempt / persons",
        }
    }

    /// The service level of `calls` for a target; absent if nobody counts.
    pub fn value(self, calls: &[CallRecord], target: Duration) -> Option<f64> {
        let in_time = |call: &CallRecord| is_answered(call) && call.waited <= target;
        let offered = calls.len() as f64;
        let met = count(calls, in_time);
        let early = count(calls, |call| is_lost(call) && call.waited <= target);
        let short = count(calls, |call| call.outcome == Outcome::ShortAbandoned);
        match self {
            Formula::OfOffered => share(met, offered),
            Formula::WithoutShort => share(met, offered - short),
            Formula::WithoutEarly => share(met, offered - early),
            Formula::EarlyAsMet => share(met + early, offered),
            Formula::OfAnswered => share(met, count(calls, is_answered)),
            Formula::OfPersons => {
                let first = |call: &CallRecord| call.attempt == 1;
                share(
                    count(calls, |call| first(call) && in_time(call)),
                    count(calls, first),
                )
            }
        }
    }
}

pub(super) fn of(calls: &[CallRecord], target: Duration) -> Vec<ServiceLevel> {
    let level = |formula: Formula| ServiceLevel {
        formula,
        words: formula.words(),
        value: formula.value(calls, target),
    };
    Formula::ALL.into_iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use acd::Timestamp;

    fn call(outcome: Outcome, waited: u64, attempt: u32) -> CallRecord {
        CallRecord {
            arrived: Timestamp::from_secs(0),
            day: 0,
            hour: 0,
            attempt,
            first: Timestamp::from_secs(0),
            outcome,
            waited: Duration::from_secs(waited),
            talked: Duration::ZERO,
            resumed: false,
            forwarded: false,
        }
    }

    /// Ten calls by hand: five answered (four within 15 s, one of them at a second attempt), three hung up (at 3, 10
    /// and 60 s), one refused, one timed out.
    #[test]
    fn one_day_six_service_levels() {
        let calls = [
            call(Outcome::Answered, 5, 1),
            call(Outcome::Answered, 15, 1),
            call(Outcome::Answered, 0, 1),
            call(Outcome::Answered, 12, 2),
            call(Outcome::Answered, 16, 1),
            call(Outcome::ShortAbandoned, 3, 1),
            call(Outcome::Abandoned, 10, 1),
            call(Outcome::Abandoned, 60, 1),
            call(Outcome::Saturated, 0, 2),
            call(Outcome::TimedOut, 1200, 1),
        ];
        let expected = [4.0 / 10.0, 4.0 / 9.0, 4.0 / 8.0, 6.0 / 10.0, 4.0 / 5.0, 3.0 / 8.0];
        let got: Vec<f64> = of(&calls, Duration::from_secs(15))
            .into_iter()
            .filter_map(|l| l.value)
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn nobody_called() {
        assert!(
            of(&[], Duration::from_secs(15))
                .iter()
                .all(|level| level.value.is_none())
        );
    }
}
