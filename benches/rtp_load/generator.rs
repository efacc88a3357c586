//! One run: a thread that sends on time and takes in what comes back, and the media plane on the other side.
//!
//! The thread never sleeps. A sleeping one would have to be woken by the media thread for every packet, and the
//! media thread would be charged for it, which no phone on a network does.

use crate::Options;
use crate::cost::{self, Durations};
use crate::phones::Phones;
use media::{Language, Library, Media, MediaConfig};
use std::collections::HashMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time for the sources to be taken and the buffers to settle, before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// Time for the last packets to come back.
const COOL_DOWN: Duration = Duration::from_millis(300);

/// What one run found.
pub(crate) struct Findings {
    /// Packets that talking phones sent, and music packets that were due.
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    /// Processor time of the media threads.
    pub(crate) cpu: Duration,
    /// From a phone's send to the other's receive.
    pub(crate) added_p50: Duration,
    pub(crate) added_p99: Duration,
    /// Between two music packets of one caller.
    pub(crate) gap_p99: Duration,
}

/// Runs once.
pub(crate) fn run(options: &Options, talking: usize, held: usize) -> Result<Findings, Box<dyn Error>> {
    let (library, _) = Library::load(&options.audio, &Language::ALL)?;
    let config = MediaConfig {
        bind_v4: Some(Ipv4Addr::LOCALHOST),
        ports: 10_000..=60_000,
        threads: options.threads,
        gather: Duration::from_micros(options.gather),
        ..MediaConfig::default()
    };
    let media = Media::start(config, library, &prometheus::Registry::new(), Arc::new(|_| ()))?;
    let phones = Phones::open(&media, talking, held, options.mute)?;
    let mut generator = Generator {
        phones,
        talking,
        clock: Instant::now(),
        received: Received::default(),
    };
    generator.run_for(WARM_UP);

    let before = cost::of_media_threads()?;
    generator.received = Received {
        since: generator.now(),
        ..Received::default()
    };
    let start = Instant::now();
    let sent = generator.run_for(Duration::from_secs(options.seconds));
    let took = start.elapsed();
    let cpu = cost::of_media_threads()?.saturating_sub(before);
    // Music plays on, so what is due is known from the time; what is relayed may still be under way.
    let (music_due, music) = (took.as_secs_f64() * 50.0 * held as f64, generator.received.music);
    generator.take_in_for(COOL_DOWN);

    let mut received = generator.received;
    // At either end of the time a packet of each caller may fall inside or outside.
    let music_lost = (music_due as u64).saturating_sub(music + held as u64);
    Ok(Findings {
        sent: sent + music_due as u64,
        lost: sent.saturating_sub(received.relayed) + music_lost,
        cpu,
        added_p50: received.added.percentile(0.50),
        added_p99: received.added.percentile(0.99),
        gap_p99: received.gaps.percentile(0.99),
    })
}

struct Generator {
    phones: Phones,
    talking: usize,
    clock: Instant,
    received: Received,
}

impl Generator {
    /// Microseconds of this run.
    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Sends for a while, each phone every 20 ms, spread over them. Returns what the talking ones sent.
    fn run_for(&mut self, duration: Duration) -> u64 {
        let count = self.phones.phones.len();
        let start = Instant::now();
        let mut sent = 0;
        for slot in 0u32.. {
            let due = Duration::from_millis(slot.into());
            if due >= duration {
                break;
            }
            self.take_in_for(due.saturating_sub(start.elapsed()));
            for index in ((slot % 20) as usize..count).step_by(20) {
                let now = self.now();
                if self.phones.send(index, now) && index < self.talking * 2 {
                    sent += 1;
                }
            }
        }
        sent
    }

    /// Takes in what comes for a while, and at least once what is there.
    fn take_in_for(&mut self, duration: Duration) {
        let start = Instant::now();
        let mut packet = [0; 2_048];
        loop {
            for index in 0..self.phones.sockets.len() {
                while let Ok((length, from)) = self.phones.sockets[index].recv_from(&mut packet) {
                    let now = self.now();
                    self.received.reckon(&packet[..length], from, now);
                }
            }
            if start.elapsed() >= duration {
                break;
            }
        }
    }
}

/// Received and reckoned.
#[derive(Default)]
struct Received {
    /// When counting began, in microseconds of the run.
    since: u64,
    relayed: u64,
    music: u64,
    last_music: HashMap<SocketAddr, u64>,
    added: Durations,
    gaps: Durations,
}

impl Received {
    fn reckon(&mut self, packet: &[u8], from: SocketAddr, now: u64) {
        let Some(stamp) = packet.get(12..).and_then(|payload| payload.first_chunk()) else {
            return;
        };
        // A stamp is a moment of this run; music read as a stamp lies far outside.
        let sent_at = u64::from_be_bytes(*stamp);
        if sent_at > now {
            self.music += 1;
            if let Some(last) = self.last_music.insert(from, now) {
                self.gaps.add_micros(now - last);
            }
        } else if sent_at >= self.since {
            self.relayed += 1;
            self.added.add_micros(now - sent_at);
        }
    }
}
