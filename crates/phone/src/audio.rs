//! A call's audio: one UDP socket, a task that sends 20 ms packets in step, and an ear that keeps what arrived.

use crate::sdp::EVENT_PAYLOAD_TYPE;
use crate::tone::{Sine, mean_square, share_at};
use crate::{Codec, PhoneError};
use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Samples of one packet: 20 ms.
const PACKET_SAMPLES: usize = 160;

/// How often a packet goes out.
const PACKET_TIME: Duration = Duration::from_millis(20);

/// The most sound that is kept: 10 s. Older samples make room.
const EAR_SAMPLES_MAX: usize = 80_000;

/// Packets of one key press (RFC 4733 §2.5.1): 160 ms, the last three with the end bit.
const EVENT_PACKETS: u16 = 8;
const EVENT_ENDS: u16 = 3;

/// The largest datagram that is read; a 20 ms G.711 packet has 172 bytes.
const DATAGRAM_BYTES_MAX: usize = 1_500;

/// Where and how to send.
#[derive(Clone, Copy)]
pub(crate) struct Sending {
    pub(crate) to: SocketAddr,
    pub(crate) codec: Codec,
    /// False while on hold.
    pub(crate) on: bool,
}

/// One packet of sound, as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its sequence number.
    pub sequence: u16,
    /// Its timestamp, in samples.
    pub timestamp: u32,
    /// Whether it begins something new.
    pub marker: bool,
    /// Its length.
    pub samples: u32,
    /// How long after the one before it came; zero for the very first.
    pub after: Duration,
}

/// A stretch of sound that arrived.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    samples: Vec<i16>,
    arrived: Vec<Arrived>,
    /// Packets that arrived in this stretch.
    pub packets: u64,
    /// Packets missing in this stretch, by gaps of the sequence number. Late packets count as gaps.
    pub lost: u64,
    /// Times the stream changed its SSRC; a relay that keeps a stream continuous has none.
    pub source_changes: u64,
}

impl From<Vec<i16>> for Heard {
    /// Sound that came some other way than through a phone of this crate: 8,000 samples a second.
    fn from(samples: Vec<i16>) -> Self {
        Self {
            samples,
            ..Self::default()
        }
    }
}

impl Heard {
    /// The share of the sound's power at `hz`: 1 for that pure tone, near 0 for anything else or for silence.
    pub fn share_at(&self, hz: f64) -> f64 {
        share_at(&self.samples, hz)
    }

    /// Root mean square of the samples: 0 is silence, 32,767 the loudest.
    pub fn level(&self) -> f64 {
        mean_square(&self.samples).sqrt()
    }

    /// The packets, in the order of their arrival. There are none of sound that did not come through a phone of this crate.
    pub fn arrived(&self) -> &[Arrived] {
        &self.arrived
    }

    /// The samples, 8,000 a second.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// How much sound there is.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.samples.len() as u64 * 125)
    }
}

/// What has arrived so far.
#[derive(Default)]
struct Ear {
    samples: VecDeque<i16>,
    arrived: VecDeque<Arrived>,
    packets: u64,
    lost: u64,
    source_changes: u64,
    last: Option<(u32, Seq)>,
    last_at: Option<Instant>,
    longest_gap: Duration,
}

impl Ear {
    fn take(&mut self, packet: &RtpReader<'_>) {
        let now = Instant::now();
        let after = self
            .last_at
            .replace(now)
            .map_or(Duration::ZERO, |before| now - before);
        self.longest_gap = self.longest_gap.max(after);
        let Some(codec) = Codec::from_payload_type(packet.payload_type()) else {
            return;
        };
        let (ssrc, seq) = (packet.ssrc(), packet.sequence_number());
        match self.last {
            Some((last_ssrc, _)) if last_ssrc != ssrc => self.source_changes += 1,
            Some((_, last_seq)) => {
                self.lost += u64::try_from(seq - last_seq - 1).unwrap_or(0);
            }
            None => {}
        }
        self.last = Some((ssrc, seq));
        self.packets += 1;
        self.arrived.push_back(Arrived {
            sequence: seq.into(),
            timestamp: packet.timestamp(),
            marker: packet.mark(),
            samples: packet.payload().len() as u32,
            after,
        });
        let surplus = self
            .arrived
            .len()
            .saturating_sub(EAR_SAMPLES_MAX / PACKET_SAMPLES);
        self.arrived.drain(..surplus);
        self.samples
            .extend(packet.payload().iter().map(|&octet| codec.decode(octet)));
        let surplus = self.samples.len().saturating_sub(EAR_SAMPLES_MAX);
        self.samples.drain(..surplus);
    }
}

/// Sends and receives until it is dropped.
pub(crate) struct Audio {
    local: SocketAddr,
    sending: watch::Sender<Option<Sending>>,
    tone_hz: Arc<AtomicU32>,
    /// The event under way, told in place of sound until it is over.
    event: watch::Sender<Option<u8>>,
    ear: Arc<Mutex<Ear>>,
    packets: watch::Receiver<u64>,
    _stop: DropGuard,
}

impl Audio {
    /// Opens a socket on `ip` and starts to listen; nothing is sent until [`Self::send_to`].
    pub(crate) async fn open(ip: IpAddr) -> Result<Audio, PhoneError> {
        let failed = |source| PhoneError::Socket { address: ip, source };
        let socket = Arc::new(UdpSocket::bind((ip, 0)).await.map_err(failed)?);
        let local = socket.local_addr().map_err(failed)?;
        let (sending, to_send) = watch::channel(None);
        let (heard, packets) = watch::channel(0);
        let tone_hz = Arc::new(AtomicU32::new(0));
        let event = watch::Sender::new(None);
        let ear = Arc::new(Mutex::new(Ear::default()));
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(speak(
            socket.clone(),
            to_send,
            tone_hz.clone(),
            event.clone(),
        )));
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(listen(socket, ear.clone(), heard)),
        );
        Ok(Audio {
            local,
            sending,
            tone_hz,
            event,
            ear,
            packets,
            _stop: stop.drop_guard(),
        })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn send_to(&self, sending: Sending) {
        self.sending.send_replace(Some(sending));
    }

    /// Sends nothing more.
    pub(crate) fn stop(&self) {
        self.sending.send_modify(|sending| {
            if let Some(sending) = sending {
                sending.on = false;
            }
        });
    }

    /// Sends a tone of `hz` from now on; 0 is silence.
    pub(crate) fn tone(&self, hz: u32) {
        self.tone_hz.store(hz, Ordering::Relaxed);
    }

    /// Sends a telephone-event (RFC 4733 §3.2) in place of 160 ms of sound, and waits until that is done. With nobody to
    /// send to, or on hold, it is never done.
    pub(crate) async fn event(&self, event: u8) {
        self.event.send_replace(Some(event));
        let mut done = self.event.subscribe();
        let _ = done.wait_for(Option::is_none).await;
    }

    /// Forgets what was heard and waits until `length` of new sound has arrived, but no longer than `within`.
    /// Returns what came, which is less when the time ran out.
    pub(crate) async fn hear(&self, length: Duration, within: Duration) -> Heard {
        let wanted = (length.as_micros() / 125) as usize;
        {
            let mut ear = self.ear();
            *ear = Ear {
                last: ear.last,
                last_at: ear.last_at,
                longest_gap: ear.longest_gap,
                ..Ear::default()
            };
        }
        let mut packets = self.packets.clone();
        let enough = packets.wait_for(|_| self.ear().samples.len() >= wanted.min(EAR_SAMPLES_MAX));
        let _ = timeout(within, enough).await;
        let ear = self.ear();
        Heard {
            samples: ear.samples.iter().copied().collect(),
            arrived: ear.arrived.iter().copied().collect(),
            packets: ear.packets,
            lost: ear.lost,
            source_changes: ear.source_changes,
        }
    }

    /// The longest time between two packets that arrived since this was asked last.
    pub(crate) fn longest_gap(&self) -> Duration {
        std::mem::take(&mut self.ear().longest_gap)
    }

    fn ear(&self) -> std::sync::MutexGuard<'_, Ear> {
        self.ear.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A number nobody can guess, for an SSRC or a first sequence number (RFC 3550 §5.1).
fn unguessable() -> u64 {
    RandomState::new().build_hasher().finish()
}

async fn speak(
    socket: Arc<UdpSocket>,
    mut to_send: watch::Receiver<Option<Sending>>,
    tone_hz: Arc<AtomicU32>,
    event: watch::Sender<Option<u8>>,
) {
    if to_send.wait_for(Option::is_some).await.is_err() {
        return;
    }
    let start = unguessable();
    let ssrc = start as u32;
    let mut seq = Seq::from((start >> 32) as u16);
    let mut timestamp = (start >> 16) as u32;
    let mut sine = Sine::default();
    let mut first = true;
    let mut event_packets = 0;
    let mut clock = interval(PACKET_TIME);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        clock.tick().await;
        timestamp = timestamp.wrapping_add(PACKET_SAMPLES as u32);
        let Some(sending) = (*to_send.borrow_and_update()).filter(|sending| sending.on) else {
            first = true;
            continue;
        };
        let event_now = *event.borrow();
        let packet = match event_now {
            Some(code) => {
                event_packets += 1;
                RtpPacketBuilder::new()
                    .payload_type(EVENT_PAYLOAD_TYPE)
                    .marked(event_packets == 1)
                    .timestamp(timestamp.wrapping_sub(u32::from(event_packets - 1) * PACKET_SAMPLES as u32))
                    .sequence(seq)
                    .ssrc(ssrc)
                    .payload(&event_payload(code, event_packets))
                    .build()
            }
            None => {
                let hz = f64::from(tone_hz.load(Ordering::Relaxed));
                let payload: [u8; PACKET_SAMPLES] =
                    std::array::from_fn(|_| sending.codec.encode(sine.next(hz)));
                RtpPacketBuilder::new()
                    .payload_type(sending.codec.payload_type())
                    .marked(first)
                    .sequence(seq)
                    .timestamp(timestamp)
                    .ssrc(ssrc)
                    .payload(&payload)
                    .build()
            }
        };
        if event_packets == EVENT_PACKETS {
            event_packets = 0;
            event.send_replace(None);
        }
        seq = seq.next();
        first = false;
        if let Ok(packet) = packet {
            // A peer that has just closed its port answers with ICMP: that is its right, and the call goes on.
            let _ = socket.send_to(&packet, sending.to).await;
        }
    }
}

/// The event, its end bit and volume, and its duration so far in samples (RFC 4733 §2.3).
fn event_payload(code: u8, packet: u16) -> [u8; 4] {
    const END: u8 = 0x80;
    const VOLUME: u8 = 10;
    let ends = packet > EVENT_PACKETS - EVENT_ENDS;
    let [high, low] = (packet.min(EVENT_PACKETS - EVENT_ENDS + 1) * PACKET_SAMPLES as u16).to_be_bytes();
    [code, VOLUME | if ends { END } else { 0 }, high, low]
}

async fn listen(socket: Arc<UdpSocket>, ear: Arc<Mutex<Ear>>, heard: watch::Sender<u64>) {
    let mut datagram = [0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((length, _)) = socket.recv_from(&mut datagram).await else {
            continue;
        };
        let Some(Ok(packet)) = datagram.get(..length).map(RtpReader::new) else {
            continue;
        };
        ear.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take(&packet);
        heard.send_modify(|packets| *packets += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn each_end_hears_the_others_tone() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            let (a, b) = (Audio::open(HERE).await.unwrap(), Audio::open(HERE).await.unwrap());
            a.tone(440);
            b.tone(1_000);
            a.send_to(Sending {
                to: b.local(),
                codec,
                on: true,
            });
            b.send_to(Sending {
                to: a.local(),
                codec,
                on: true,
            });
            let length = Duration::from_millis(200);
            let (at_a, at_b) = tokio::join!(
                a.hear(length, Duration::from_secs(5)),
                b.hear(length, Duration::from_secs(5))
            );
            assert!(at_a.share_at(1_000.0) > 0.9 && at_a.share_at(440.0) < 0.05);
            assert!(at_b.share_at(440.0) > 0.9 && at_b.share_at(1_000.0) < 0.05);
            assert_eq!((at_a.lost, at_a.source_changes), (0, 0));
            assert!(at_a.duration() >= length);
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_on_hold() {
        let (a, b) = (Audio::open(HERE).await.unwrap(), Audio::open(HERE).await.unwrap());
        a.send_to(Sending {
            to: b.local(),
            codec: Codec::Pcma,
            on: false,
        });
        let heard = b
            .hear(Duration::from_millis(20), Duration::from_millis(100))
            .await;
        assert_eq!(heard.packets, 0);
        a.send_to(Sending {
            to: b.local(),
            codec: Codec::Pcma,
            on: true,
        });
        let heard = b.hear(Duration::from_millis(20), Duration::from_secs(5)).await;
        assert!(heard.packets >= 1);
        assert_eq!(
            heard.level().round(),
            8.0,
            "A-law silence decodes to its smallest step"
        );
    }
}
