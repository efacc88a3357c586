//! How a leg sounded: loss, jitter and delay of its two directions, and what a listener would have said of them,
//! estimated by the E-model (ITU-T G.107, 06/2015) with the impairments of ITU-T G.113 appendix I.
//!
//! The estimate is of one leg's path and codec, with G.107's defaults for all that cannot be seen from here: rooms,
//! telephones, echo. A call's worse leg bounds what was heard.

use crate::Codec;
use std::time::Duration;

/// Packets below which nothing is said of a direction: two seconds.
const PACKETS_MIN: u64 = 100;

/// What a packet waits for its own sound to be spoken.
const PACKET_TIME: Duration = Duration::from_millis(20);

/// A phone's jitter buffer holds about so many times the mean jitter.
const BUFFER_JITTERS: u32 = 2;

/// One leg's quality, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegQuality {
    /// What was spoken last. `None` if nothing was agreed on.
    pub codec: Option<Codec>,
    /// What the peer sent, as it arrived here. `None` for less than two seconds of it.
    pub received: Option<PathQuality>,
    /// What was sent to the peer, as the peer reports. `None` for less than two seconds of it, or when the peer
    /// never reported.
    pub sent: Option<PathQuality>,
    /// Mean round-trip time to the peer, if its reports told.
    pub round_trip: Option<Duration>,
}

/// The quality of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathQuality {
    /// Packets that were sent this way, the lost ones included.
    pub packets: u64,
    /// Packets of these that did not arrive.
    pub lost: u64,
    /// Mean interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Mean opinion score in hundredths: 100 is bad, 441 is the best that G.711 can have.
    pub mos_hundredths: u16,
}

impl LegQuality {
    /// Whether anything was heard either way for long enough to be judged.
    pub fn is_known(&self) -> bool {
        self.received.is_some() || self.sent.is_some()
    }
}

impl PathQuality {
    /// The share of packets that was lost, 0 to 1.
    pub fn loss(&self) -> f64 {
        if self.packets == 0 {
            0.0
        } else {
            self.lost as f64 / self.packets as f64
        }
    }

    /// Mean opinion score, 1 to 4.5.
    pub fn mos(&self) -> f64 {
        f64::from(self.mos_hundredths) / 100.0
    }
}

/// What a leg's reports told, summed up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    received: Direction,
    sent: Direction,
    packets_sent: u64,
    round_trips: Mean,
}

#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    packets: u64,
    lost: u64,
    jitter: Mean,
}

/// A mean of durations.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: Duration,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: Duration) {
        self.sum = self.sum.saturating_add(value);
        self.count = self.count.saturating_add(1);
    }

    fn value(&self) -> Option<Duration> {
        self.sum.checked_div(self.count)
    }
}

impl Tally {
    /// Takes in a report of ours: packets that came and that were lost since the one before.
    pub(crate) fn reported(&mut self, received: u32, lost: u32, jitter: Option<Duration>) {
        let direction = &mut self.received;
        direction.packets += u64::from(received) + u64::from(lost);
        direction.lost += u64::from(lost);
        if let Some(jitter) = jitter.filter(|_| received > 0) {
            direction.jitter.add(jitter);
        }
    }

    /// Takes in a report of the peer's: packets of ours that it misses since the one before.
    pub(crate) fn fed_back(&mut self, lost: u32, jitter: Option<Duration>, round_trip: Option<Duration>) {
        self.sent.lost += u64::from(lost);
        if let Some(jitter) = jitter {
            self.sent.jitter.add(jitter);
        }
        if let Some(round_trip) = round_trip {
            self.round_trips.add(round_trip);
        }
    }

    /// Counts a packet that was sent.
    pub(crate) fn sent(&mut self) {
        self.packets_sent += 1;
    }

    /// What it comes to, for a leg that spoke `codec`.
    pub(crate) fn quality(&self, codec: Codec) -> LegQuality {
        let round_trip = self.round_trips.value();
        let one_way = round_trip.unwrap_or_default() / 2;
        let sent = Direction {
            packets: self.packets_sent,
            ..self.sent
        };
        // A peer that never said how our packets arrive has not said that all did.
        let told = self.sent.jitter.count > 0;
        LegQuality {
            codec: Some(codec),
            received: self.received.quality(codec, one_way),
            sent: sent.quality(codec, one_way).filter(|_| told),
            round_trip,
        }
    }
}

impl Direction {
    fn quality(&self, codec: Codec, one_way: Duration) -> Option<PathQuality> {
        if self.packets < PACKETS_MIN {
            return None;
        }
        let jitter = self.jitter.value().unwrap_or_default();
        let delay = one_way + PACKET_TIME + jitter * BUFFER_JITTERS;
        let lost = self.lost.min(self.packets);
        let loss = lost as f64 / self.packets as f64;
        let rating = rating(Impairment::of(codec), loss, delay);
        Some(PathQuality {
            packets: self.packets,
            lost,
            jitter,
            mos_hundredths: (mos(rating) * 100.0).round() as u16,
        })
    }
}

/// What a codec does to speech (ITU-T G.113 appendix I).
#[derive(Clone, Copy, Debug)]
struct Impairment {
    /// Equipment impairment factor without loss, Ie.
    equipment: f64,
    /// Packet-loss robustness factor, Bpl.
    robustness: f64,
}

impl Impairment {
    /// Table I.3 for G.711 with concealment of losses, which every phone of today has. The narrow-band scale has no
    /// figures for G.722 and Opus, which are no worse at the rates used here: they are judged as G.711.
    fn of(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Opus => Self {
                equipment: 0.0,
                robustness: 25.1,
            },
        }
    }
}

/// The transmission rating R of G.107 §7: 0 to 100. Losses count as independent (BurstR = 1).
fn rating(codec: Impairment, loss: f64, delay: Duration) -> f64 {
    // Ro and Is at all defaults (G.107 §7.2, §7.3).
    const SIGNAL_TO_NOISE: f64 = 94.768_8;
    const SIMULTANEOUS: f64 = 1.413_6;
    let percent = loss * 100.0;
    let equipment = codec.equipment + (95.0 - codec.equipment) * percent / (percent + codec.robustness);
    (SIGNAL_TO_NOISE - SIMULTANEOUS - delay_impairment(SIGNAL_TO_NOISE, delay) - equipment).clamp(0.0, 100.0)
}

/// Id of G.107 §7.4: talker echo, listener echo, and too long a delay, with T = Ta and Tr = 2·Ta.
fn delay_impairment(ro: f64, delay: Duration) -> f64 {
    // Defaults: TELR, WEPL, and Roe = -1.5·(No - RLR) with No = -61.179.
    const TALKER_ECHO_LOSS: f64 = 65.0;
    const WEIGHTED_ECHO_PATH_LOSS: f64 = 110.0;
    const ECHO_SIGNAL_TO_NOISE: f64 = 94.768_8;
    let ms = delay.as_secs_f64() * 1_000.0;
    let masked = TALKER_ECHO_LOSS - 40.0 * ((1.0 + ms / 10.0) / (1.0 + ms / 150.0)).log10()
        + 6.0 * (-0.3 * ms * ms).exp();
    let re = 80.0 + 2.5 * (masked - 14.0);
    let half = (ECHO_SIGNAL_TO_NOISE - re) / 2.0;
    let talker = (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-ms).exp());
    let rle = 10.5 * (WEIGHTED_ECHO_PATH_LOSS + 7.0) * (2.0 * ms + 1.0).powf(-0.25);
    let half = (ro - rle) / 2.0;
    let listener = half + (half * half + 169.0).sqrt();
    let too_long = if ms > 100.0 {
        let x = (ms / 100.0).log2();
        25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
    } else {
        0.0
    };
    talker + listener + too_long
}

/// The mean opinion score of a rating (G.107 annex B).
fn mos(rating: f64) -> f64 {
    match rating {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const G711: Impairment = Impairment {
        equipment: 0.0,
        robustness: 25.1,
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// G.107 annex B, table B.1, and §7.7: all defaults give R = 93.2, MOS = 4.41.
    #[test]
    fn ratings_become_the_published_scores() {
        for (rating, score) in [
            (90.0, 4.34),
            (80.0, 4.03),
            (70.0, 3.60),
            (60.0, 3.10),
            (50.0, 2.58),
            (93.2, 4.41),
        ] {
            assert!((mos(rating) - score).abs() < 0.01, "{rating}: {}", mos(rating));
        }
        assert_eq!(
            (mos(-5.0), mos(0.0), mos(100.0), mos(120.0)),
            (1.0, 1.0, 4.5, 4.5)
        );
    }

    #[test]
    fn all_defaults_give_the_published_rating() {
        assert!(
            (rating(G711, 0.0, ms(0)) - 93.2).abs() < 0.05,
            "{}",
            rating(G711, 0.0, ms(0))
        );
    }

    /// The delay impairment against the published fit to the same recommendation (Cole and Rosenbluth, "Voice over IP
    /// performance monitoring", 2001), and §7.5's equipment impairment worked out from G.113's Ie and Bpl.
    #[test]
    fn delay_and_loss_cost_what_is_published() {
        for (delay, fit) in [
            (0, 0.0),
            (50, 1.2),
            (100, 2.4),
            (150, 3.6),
            (200, 7.3),
            (300, 20.7),
        ] {
            let cost = delay_impairment(94.768_8, ms(delay));
            assert!((cost - fit).abs() < 0.5, "{delay} ms: {cost}");
        }
        for (percent, ie_eff) in [(1.0, 95.0 / 26.1), (2.0, 190.0 / 27.1), (5.0, 475.0 / 30.1)] {
            let cost = rating(G711, 0.0, ms(50)) - rating(G711, percent / 100.0, ms(50));
            assert!((cost - ie_eff).abs() < 1e-9, "{percent} %: {cost}");
        }
    }

    #[test]
    fn worse_paths_have_lower_scores() {
        let score = |loss, delay| mos(rating(G711, loss, ms(delay)));
        for pair in [0.0, 0.01, 0.03, 0.1, 0.3, 1.0].windows(2) {
            assert!(score(pair[0], 50) > score(pair[1], 50), "{pair:?}");
        }
        for pair in [0, 50, 150, 250, 400, 800].windows(2) {
            assert!(score(0.0, pair[0]) > score(0.0, pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn a_tally_says_what_its_reports_say() {
        let mut tally = Tally::default();
        let silent = tally.quality(Codec::Pcma);
        assert_eq!((silent.received, silent.sent), (None, None));
        tally.reported(240, 10, Some(ms(2)));
        tally.reported(250, 0, Some(ms(4)));
        for _ in 0..500 {
            tally.sent();
        }
        let before = tally.quality(Codec::Pcma);
        let received = before.received.expect("ten seconds came");
        assert_eq!(
            (received.packets, received.lost, received.jitter),
            (500, 10, ms(3))
        );
        assert_eq!(before.sent, None, "nobody said how it arrived");
        tally.fed_back(25, Some(ms(1)), Some(ms(40)));
        let after = tally.quality(Codec::Pcma);
        let sent = after.sent.expect("the peer reported");
        assert_eq!(
            (sent.packets, sent.lost, after.round_trip),
            (500, 25, Some(ms(40)))
        );
        assert!(
            sent.mos() < received.mos() && received.mos() < 4.41,
            "{sent:?} {received:?}"
        );
    }
}
