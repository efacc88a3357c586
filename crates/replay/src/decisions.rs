//! A running hash of what the core decides, small enough to be written down with every batch of inputs.

use acd::Output;
use serde::Serialize;
use twox_hash::XxHash3_64;

/// XXH3-64 over the outputs of each input, as MessagePack without field names, seeded with the hash before it. Two cores that
/// decided the same have the same hash; it guards against mistakes, not against forgers.
#[derive(Debug, Default)]
pub struct Decisions {
    hash: u64,
    /// What is hashed at a time; kept for its room.
    bytes: Vec<u8>,
}

impl Decisions {
    /// Goes on from a hash that was written down.
    pub const fn from_hash(hash: u64) -> Self {
        Self {
            hash,
            bytes: Vec::new(),
        }
    }

    /// The hash so far: 0 at the beginning of a run.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// Takes what the core asked for because of one input, in order.
    pub fn take(&mut self, outputs: &[Output]) {
        if outputs.is_empty() {
            return;
        }
        self.bytes.clear();
        for output in outputs {
            // A buffer cannot run out of room, and outputs are plain data: there is nothing that could fail.
            let _ = write(&mut self.bytes, output);
        }
        self.hash = XxHash3_64::oneshot_with_seed(self.hash, &self.bytes);
    }
}

fn write(bytes: &mut Vec<u8>, output: &Output) -> Result<(), rmp_serde::encode::Error> {
    output.serialize(&mut rmp_serde::Serializer::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use acd::{Audio, CallId, Event, Output};

    #[test]
    fn anything_that_differs_shows() {
        let of = |outputs: &[Output]| {
            let mut decisions = Decisions::default();
            decisions.take(outputs);
            decisions.hash()
        };
        let answer = |n| Output::Answer { call: CallId(n) };
        let hashes = [
            of(&[]),
            of(&[answer(1)]),
            of(&[answer(2)]),
            of(&[answer(1), answer(2)]),
            of(&[answer(2), answer(1)]),
            of(&[Output::EarlyMedia { call: CallId(1) }]),
            of(&[Output::Event(Event::Draining)]),
            of(&[Output::Play {
                call: CallId(1),
                audio: Audio::Greeting,
            }]),
            of(&[Output::Play {
                call: CallId(1),
                audio: Audio::HoldMusic,
            }]),
        ];
        for (n, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..n].contains(hash), "output {n}");
        }
        assert_eq!(of(&[answer(1)]), of(&[answer(1)]));
    }

    #[test]
    fn every_output_is_hashed() {
        // An output that cannot be written would be left out in silence.
        let output = Output::Event(Event::Draining);
        assert!(write(&mut Vec::new(), &output).is_ok());
    }
}
