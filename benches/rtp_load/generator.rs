//! One run: a thread that sends on time and takes in what comes back, and what is measured on the other side.
//!
//! The thread never sleeps. A sleeping one would have to be woken by the media thread for every packet, and the
//! media thread would be charged for it, which no phone on a network does. Phones send each 20 ms in an order without
//! rhyme or reason, evenly spread, as phones that know nothing of each other do.

use crate::Options;
use crate::phones::Phones;
use crate::received::Received;
use crate::subject::{Kind, Subject};
use benches::cost::{self, Durations};
use std::error::Error;
use std::time::{Duration, Instant};

/// Time for the sources to be taken and the buffers to settle, before anything is counted.
const WARM_UP: Duration = Duration::from_secs(6);

/// Time for the last packets to come back.
const COOL_DOWN: Duration = Duration::from_millis(300);

/// A packet of each phone is due so often.
const FRAME: Duration = Duration::from_millis(20);

/// What one run found.
pub(crate) struct Findings {
    /// How long it counted.
    pub(crate) took: Duration,
    /// Packets that came to phones.
    pub(crate) received: u64,
    pub(crate) lost: u64,
    /// Processor time of what is measured.
    pub(crate) cpu: Duration,
    /// From a phone's send to the other's receive: median and 99 %.
    pub(crate) added: [Duration; 2],
    /// Between two music packets of one caller: 99 %, and between two packets of any stream: the longest.
    pub(crate) gap: [Duration; 2],
    /// Resident memory for each leg, without the kernel's; none of a process of its own.
    pub(crate) kilobytes_a_leg: Option<f64>,
    /// How late the generator sent, in 99 % of all cases at most.
    pub(crate) late_p99: Duration,
    /// Port pairs more in use at the end than there are legs.
    pub(crate) leaked_pairs: i64,
    /// Descriptors more open at the end than at the beginning.
    pub(crate) leaked_descriptors: i64,
}

/// Runs once.
pub(crate) fn run(
    options: &Options,
    talking: usize,
    held: usize,
    kind: Kind,
) -> Result<Findings, Box<dyn Error>> {
    let resident = cost::resident_octets()?;
    let make = |rtcp| Subject::new(options, kind, rtcp);
    // Threads inherit the core of the one that starts them.
    let pinned = options.threads == 1;
    cost::pin_to_core(pinned.then_some(0))?;
    let phones = Phones::open(make, talking, held, options.mute)?;
    cost::pin_to_core(pinned.then_some(1))?;
    let mut generator = Generator::new(phones, options.churn);
    generator.run_for(WARM_UP)?;

    let legs = generator.phones.len();
    let kilobytes = cost::resident_octets()?.saturating_sub(resident) as f64 / 1_024.0;
    let descriptors = cost::open_descriptors()?;
    let before = generator.phones.subject.cpu()?;
    generator.received.restart(generator.now());
    generator.late = Durations::default();
    let start = Instant::now();
    let sent = generator.run_for(Duration::from_secs(options.seconds))?;
    let took = start.elapsed();
    let cpu = generator.phones.subject.cpu()?.saturating_sub(before);
    // Music plays on, so what is due is known from the time; what is relayed may still be under way.
    let (packets, music) = (generator.received.packets, generator.received.music);
    let mut late = std::mem::take(&mut generator.late);
    generator.churn = 0;
    generator.run_for(COOL_DOWN)?;

    let pairs = generator.phones.subject.pairs_in_use();
    let leaked_pairs = pairs.map_or(0, |pairs| pairs as i64 - legs as i64);
    let leaked_descriptors = cost::open_descriptors()? as i64 - descriptors as i64;
    let received = &mut generator.received;
    let lost = if options.churn > 0 {
        received.holes
    } else {
        // At either end of the time a packet of each caller may fall inside or outside.
        let music_due = (took.as_secs_f64() / FRAME.as_secs_f64() * held as f64) as u64;
        sent.saturating_sub(received.relayed) + music_due.saturating_sub(music + held as u64)
    };
    Ok(Findings {
        took,
        received: packets,
        lost,
        cpu,
        added: [0.50, 0.99].map(|share| received.added.percentile(share)),
        gap: [
            received.gaps.percentile(0.99),
            Duration::from_micros(received.longest_gap),
        ],
        kilobytes_a_leg: (kind != Kind::Rtpengine).then(|| kilobytes / legs.max(1) as f64),
        late_p99: late.percentile(0.99),
        leaked_pairs,
        leaked_descriptors,
    })
}

struct Generator {
    phones: Phones,
    /// When in each 20 ms which phone sends, in microseconds.
    schedule: Vec<(u64, usize)>,
    /// The place in the schedule that is next, and the beginning of its 20 ms.
    next: (usize, u64),
    churn: u32,
    clock: Instant,
    received: Received,
    late: Durations,
}

impl Generator {
    fn new(phones: Phones, churn: u32) -> Self {
        let (count, frame) = (phones.len() as u64, FRAME.as_micros() as u64);
        // Multiples of the golden ratio fall evenly, and neighbours in number are no neighbours in time.
        let phase = |index: u64| index.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (count.max(1) * 1_024);
        let mut schedule: Vec<(u64, usize)> = (0..count)
            .map(|index| (phase(index) * frame / (count * 1_024), index as usize))
            .collect();
        schedule.sort_unstable();
        Self {
            phones,
            schedule,
            next: (0, 0),
            churn,
            clock: Instant::now(),
            received: Received::new(),
            late: Durations::default(),
        }
    }

    /// Microseconds of this run.
    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Sends and takes in for a while. Returns how many packets the talking phones sent that are to come back.
    fn run_for(&mut self, duration: Duration) -> Result<u64, Box<dyn Error>> {
        let start = self.now();
        let end = start + duration.as_micros() as u64;
        let counted_until = if duration > COOL_DOWN { end } else { start };
        let (mut sent, mut turned_over) = (0, 0);
        let mut now = start;
        while now < end {
            // A generator that falls behind must still come to the end.
            while now < end
                && let Some(index) = self.due(now)
            {
                if self.phones.send(index, now) && self.phones.talks(index) && now < counted_until {
                    sent += 1;
                }
                now = self.now();
                self.take_in(1);
            }
            self.take_in(8);
            now = self.now();
            while turned_over < (now - start) * u64::from(self.churn) / 1_000_000 {
                turned_over += 1;
                for port in self.phones.turn_over()? {
                    self.received.forget(port);
                }
            }
        }
        Ok(sent)
    }

    /// The next phone in the schedule, if its time has come.
    fn due(&mut self, now: u64) -> Option<usize> {
        let (place, base) = self.next;
        let &(phase, index) = self.schedule.get(place)?;
        let late = now.checked_sub(base + phase)?;
        self.late.add_micros(late);
        self.next = if place + 1 < self.schedule.len() {
            (place + 1, base)
        } else {
            (0, base + FRAME.as_micros() as u64)
        };
        Some(index)
    }

    /// Takes in what is there, up to so many packets a socket.
    fn take_in(&mut self, most: usize) {
        let mut packet = [0; 2_048];
        for index in 0..self.phones.sockets.len() {
            for _ in 0..most {
                let Ok((length, from)) = self.phones.sockets[index].recv_from(&mut packet) else {
                    break;
                };
                let now = self.now();
                self.received.reckon(&packet[..length], from, now);
            }
        }
    }
}
