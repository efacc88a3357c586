//! A running hash of what the core decides, small enough to be written down with every batch of inputs.

use acd::Output;
use serde::Serialize;
use std::io::{self, Write};

/// 64-bit FNV-1a over all outputs of a run, each as MessagePack without field names. Two cores that decided the same have the
/// same hash; it guards against mistakes, not against forgers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decisions(u64);

impl Default for Decisions {
    /// The hash at the beginning of a run.
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Decisions {
    /// Goes on from a hash that was written down.
    pub const fn from_hash(hash: u64) -> Self {
        Self(hash)
    }

    /// The hash so far.
    pub const fn hash(self) -> u64 {
        self.0
    }

    /// Takes what the core asked for, in order.
    pub fn take(&mut self, outputs: &[Output]) {
        let mut hash = Fnv(self.0);
        for output in outputs {
            // Hashing cannot run out of room, and outputs are plain data: there is nothing that could fail.
            let _ = write(&mut hash, output);
        }
        self.0 = hash.0;
    }
}

fn write(hash: &mut Fnv, output: &Output) -> Result<(), rmp_serde::encode::Error> {
    output.serialize(&mut rmp_serde::Serializer::new(hash))
}

struct Fnv(u64);

impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
        assert!(write(&mut Fnv(0), &output).is_ok());
    }
}
