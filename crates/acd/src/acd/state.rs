//! The whole state as bytes, and back.
//!
//! Owns the form in which a checkpoint holds the core: MessagePack with the fields' names, every number bit by bit, maps
//! in the order of their keys. So the same state has the same bytes on every machine, and a state restored goes on to
//! decide, and to be written, exactly as the one it was taken from. What follows from the configuration (calendars) or
//! from the rest (indexes) is not written but made again.

use super::{Acd, relaxing};
use crate::lines::Lines;
use crate::{AcdConfig, ConfigError, Timestamp};

/// Why a state cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not what this version writes, nor what it still reads.
    #[error("the state was written by a version that this one cannot go on from ({0})")]
    Unreadable(#[from] rmp_serde::decode::Error),
    /// The state names queues and operators by their index.
    #[error(
        "the state is of other queues, operators, skills or limits than are configured now; \
         put those back as they were to go on with it"
    )]
    OtherHouse,
    /// The configuration is refused whatever the state.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Acd {
    /// The core's time: that of its last input.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The whole state, between two inputs, as bytes.
    pub fn state(&self) -> Vec<u8> {
        // Plain data into memory: there is nothing that could fail.
        rmp_serde::to_vec_named(self).unwrap_or_default()
    }

    /// The core that [`Self::state`] wrote down, to go on under `config`. Calendars and times may have changed since,
    /// and count from the next input on.
    ///
    /// # Errors
    /// When the bytes are not a state, or are one of a house with other queues, operators, skills or limits.
    pub fn restore(config: AcdConfig, state: &[u8]) -> Result<Self, StateError> {
        config.validate()?;
        let mut acd: Acd = rmp_serde::from_slice(state)?;
        if !same_house(&acd.config, &config) {
            return Err(StateError::OtherHouse);
        }
        acd.lines.follow(Lines::new(&config)?);
        acd.calls.index_again();
        acd.places.index_again();
        acd.operators.index_again();
        if acd.config != config {
            acd.relaxing = relaxing(&config);
            acd.look_at = acd.now;
            acd.config = config;
        }
        Ok(acd)
    }
}

/// Whether all that a state refers to by index is the same, or follows from what is the same.
fn same_house(before: &AcdConfig, now: &AcdConfig) -> bool {
    let mut carried_over = now.clone();
    carried_over.schedule.clone_from(&before.schedule);
    carried_over.pause_reasons.clone_from(&before.pause_reasons);
    carried_over.transfer.clone_from(&before.transfer);
    for (carried_over, before) in carried_over.queues.iter_mut().zip(&before.queues) {
        let (name, skills) = (std::mem::take(&mut carried_over.name), carried_over.skills);
        carried_over.clone_from(before);
        (carried_over.name, carried_over.skills) = (name, skills);
    }
    carried_over == *before
}

/// Maps as lists in the order of their keys.
pub(crate) mod sorted {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::HashMap;
    use std::hash::{BuildHasher, Hash};

    pub(crate) fn serialize<K, V, H, S>(map: &HashMap<K, V, H>, serializer: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        V: Serialize,
        S: Serializer,
    {
        let mut pairs: Vec<(&K, &V)> = map.iter().collect();
        pairs.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_seq(pairs)
    }

    pub(crate) fn deserialize<'de, K, V, H, D>(deserializer: D) -> Result<HashMap<K, V, H>, D::Error>
    where
        K: Deserialize<'de> + Eq + Hash,
        V: Deserialize<'de>,
        H: BuildHasher + Default,
        D: Deserializer<'de>,
    {
        Vec::<(K, V)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::calls::{Third, Who};
    use crate::{OperatorId, Timestamp};
    use std::time::Duration;

    #[test]
    fn a_second_operator_is_read_as_it_was_written_before_numbers_could_be_asked() {
        #[derive(serde::Serialize)]
        struct Before {
            operator: OperatorId,
            leg: u32,
            dialled: Timestamp,
            rang: Option<Duration>,
            joined: bool,
        }
        let (leg, dialled, joined) = (2, Timestamp::from_secs(9), true);
        let rang = Some(Duration::from_secs(3));
        let before = Before {
            operator: OperatorId(7),
            leg,
            dialled,
            rang,
            joined,
        };
        let written = rmp_serde::to_vec_named(&before).expect("plain data");
        let now = |who| Third {
            who,
            leg,
            dialled,
            rang,
            joined,
        };
        let read: Third = rmp_serde::from_slice(&written).expect("it is still read");
        assert_eq!(read, now(Who::Operator(OperatorId(7))));
        let outside = rmp_serde::to_vec_named(&now(Who::Outside)).expect("plain data");
        assert_eq!(
            rmp_serde::from_slice::<Third>(&outside).expect("its own"),
            now(Who::Outside)
        );
    }
}
