//! The tick of a media thread: plays the frames that are due, and looks after each leg ten times a second.

use crate::MediaEvent;
use crate::leg::Route;
use crate::worker::{LOOK_AFTER_TICKS, PHASES, Worker};

/// Ticks between two flushes of the counters into the metrics.
const FLUSH_TICKS: u64 = 100;

impl Worker {
    /// Serves the ticks since the last time. However late, each leg is played to once: a late packet is better
    /// than a burst, and the leg's timestamps tell of the time that is missing.
    pub(crate) fn serve_ticks(&mut self) {
        let due = self.now.ticks();
        let passed = due.saturating_sub(self.tick);
        if passed == 0 || self.legs.is_empty() {
            return;
        }
        if self.plays() {
            self.counts.late_ticks += passed.saturating_sub(PHASES as u64);
        }
        for tick in due + 1 - passed.min(PHASES as u64)..=due {
            self.play_phase(tick);
        }
        for tick in due + 1 - passed.min(LOOK_AFTER_TICKS)..=due {
            self.look_after(tick);
        }
        if self.tick / FLUSH_TICKS != due / FLUSH_TICKS {
            self.metrics.flush(&mut self.counts);
        }
        self.tick = due;
    }

    fn play_phase(&mut self, tick: u64) {
        let phase = tick as usize % PHASES;
        let mut next = 0;
        while let Some(&slot) = self.phases[phase].get(next) {
            next += 1;
            let Some(leg) = self.legs.get(slot) else { continue };
            if leg.play(tick, &self.library, self.now, &mut self.counts) {
                continue;
            }
            let id = leg.id;
            leg.phase = None;
            leg.set_route(Route::Nothing);
            next -= 1;
            self.phases[phase].swap_remove(next);
            (self.events)(MediaEvent::PromptDone { leg: id });
        }
    }

    fn look_after(&mut self, tick: u64) {
        for leg in self
            .legs
            .every((tick % LOOK_AFTER_TICKS) as usize, LOOK_AFTER_TICKS as usize)
        {
            let (now, counts) = (self.now, &mut self.counts);
            if leg.look_after(&self.timeouts, &self.cname, now, counts, &self.metrics) {
                self.metrics.timed_out.inc();
                (self.events)(MediaEvent::Silent { leg: leg.id });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{Command, Mailbox, Protection};
    use crate::metrics::Metrics;
    use crate::moment::Moment;
    use crate::ports::PortPool;
    use crate::session::Seed;
    use crate::webrtc::dtls::Handshakes;
    use crate::{AfterPrompts, Codec, Library, MediaConfig, Playlist, Remote, socket};
    use acd::{CallId, LegId};
    use std::net::{IpAddr, Ipv4Addr, UdpSocket};
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    /// A worker whose time the test tells, with `callers` who hear the tone that stands in for music.
    struct Still {
        worker: Worker,
        phones: Vec<UdpSocket>,
    }

    impl Still {
        fn new(callers: u32, host: u8) -> Still {
            let without_audio = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
            let (library, _) = Library::load(&without_audio, &[]).expect("the folder is there");
            let metrics = Metrics::register(&prometheus::Registry::new()).expect("a fresh registry");
            let mailbox = Arc::new(Mailbox::new().expect("an eventfd"));
            let config = MediaConfig::default();
            let handshakes = Handshakes::unserved(&mailbox);
            let worker = Worker::new(
                &config,
                library,
                mailbox,
                handshakes,
                Arc::new(metrics),
                Arc::new(|_| ()),
            );
            let mut still = Still {
                worker: worker.expect("a poller"),
                phones: vec![],
            };
            let process = std::process::id().to_be_bytes();
            let ip = IpAddr::V4(Ipv4Addr::new(127, process[2] | 1, process[3], host));
            let pool = Arc::new(PortPool::new(&(30_000..=39_999), Duration::ZERO));
            for call in 0..callers {
                let leg = LegId::caller(CallId(call.into()));
                let lease = pool.take(Instant::now()).expect("a pair is free");
                let Ok(pair) = socket::bind(ip, lease) else {
                    panic!("loopback has ports")
                };
                let rtp_port = pair.local().port();
                let phone = UdpSocket::bind((ip, 0)).expect("loopback has ports");
                phone.set_nonblocking(true).expect("sockets can be non-blocking");
                let rtp = phone.local_addr().expect("a bound socket");
                let remote = Remote {
                    rtp,
                    rtcp: rtp,
                    codec: Codec::Pcma,
                    opus_pt: None,
                    dtmf_pt: None,
                    dtmf_rate: 8_000,
                    send: true,
                    receive: true,
                    ptime_ms: 20,
                };
                let playlist = Playlist {
                    prompts: vec![],
                    then: AfterPrompts::HoldMusic,
                };
                still.worker.carry_out(Command::Open {
                    leg,
                    pair,
                    seed: Seed([0, 0]),
                });
                still.worker.carry_out(Command::SetRemote {
                    leg,
                    rtp_port,
                    remote,
                    protection: Protection::None,
                });
                still.worker.carry_out(Command::Play { leg, playlist });
                still.phones.push(phone);
            }
            still
        }

        /// Lets the thread wake at a moment, and gives how many packets each caller got, and their timestamps.
        fn wake_at(&mut self, ms: u64) -> Vec<Vec<u32>> {
            self.worker.now = Moment(ms * 1_000);
            self.worker.serve_ticks();
            let mut packet = [0; 200];
            let timestamps = |phone: &UdpSocket| {
                let mut all = vec![];
                while phone.recv(&mut packet).is_ok() {
                    all.push(u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]));
                }
                all
            };
            self.phones.iter().map(timestamps).collect()
        }
    }

    #[test]
    fn callers_are_spread_evenly_over_the_20_ms() {
        let mut still = Still::new(60, 201);
        for ms in 1..=40 {
            let got: usize = still.wake_at(ms).iter().map(Vec::len).sum();
            assert_eq!(got, 3, "at {ms} ms");
        }
        // Those who leave make room where they were.
        for call in (0..60).filter(|call| call % 20 == 4) {
            still.worker.carry_out(Command::Silence {
                leg: LegId::caller(CallId(call)),
            });
        }
        still.worker.carry_out(Command::Play {
            leg: LegId::caller(CallId(4)),
            playlist: Playlist {
                prompts: vec![],
                then: AfterPrompts::HoldMusic,
            },
        });
        let got: Vec<usize> = (41..=60)
            .map(|ms| still.wake_at(ms).iter().map(Vec::len).sum())
            .collect();
        assert_eq!((got.iter().sum::<usize>(), got.iter().min()), (58, Some(&1)));
    }

    #[test]
    fn a_late_thread_sends_each_caller_one_packet_whose_timestamp_tells_of_the_rest() {
        let mut still = Still::new(40, 202);
        let first: Vec<u32> = (1..=20).flat_map(|ms| still.wake_at(ms)).flatten().collect();
        assert_eq!(first, [0; 40]);
        let after_a_stall = still.wake_at(95);
        assert_eq!(still.worker.counts.late_ticks, 55);
        for packets in after_a_stall {
            // Due at 21..=40, 41..=60 and 61..=80 ms and, for three in four, at 81..=95: one packet for all of it.
            assert!(matches!(packets.as_slice(), [480 | 640]), "{packets:?}");
        }
        for ms in 96..=100 {
            for packets in still.wake_at(ms) {
                assert!(matches!(packets.as_slice(), [] | [640]), "{packets:?} at {ms} ms");
            }
        }
    }
}
