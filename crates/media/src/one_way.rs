//! Notices sound that goes one way only, between legs that are connected. Pure.
//!
//! The causes lie outside: a translator or a firewall on the way, an address in the SDP that cannot be reached, a microphone
//! that is in use elsewhere. It is told once for each time that a leg is connected, in a log line and a metric, and nothing
//! else is done: signalling asks a peer that stays silent whether it is there.

use crate::moment::Moment;
use crate::rtcp::Feedback;
use std::time::Duration;

/// A leg that has been connected for so long must have brought a packet.
pub(crate) const ONE_WAY_AFTER: Duration = Duration::from_secs(5);

/// Reports in which a peer may say nothing of our stream: the first may be from before it could have heard.
const REPORTS_WITHOUT_US: u32 = 2;

/// The way that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing comes from the peer.
    Received,
    /// The peer reports, and tells of nothing from us.
    Sent,
}

impl Missing {
    pub(crate) const ALL: [Missing; 2] = [Missing::Received, Missing::Sent];

    pub(crate) const fn direction(self) -> &'static str {
        match self {
            Missing::Received => "received",
            Missing::Sent => "sent",
        }
    }
}

/// What is known of a leg.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ways {
    /// The peer is to send, and somebody hears it.
    pub(crate) should_receive: bool,
    /// The last packet of the peer.
    pub(crate) received: Moment,
    /// We have sent to the peer in the last moments.
    pub(crate) sends: bool,
}

/// One leg's watch.
#[derive(Debug, Default)]
pub(crate) struct OneWay {
    /// Since when the peer should have been heard.
    receiving_since: Option<Moment>,
    told_received: bool,
    /// Since when we have sent without a pause.
    sending_since: Option<Moment>,
    reports_without_us: u32,
    told_sent: bool,
}

impl OneWay {
    /// Takes in a peer's report.
    pub(crate) fn reported(&mut self, feedback: &Feedback) {
        match feedback.jitter {
            Some(_) => self.reports_without_us = 0,
            None if feedback.is_report => self.reports_without_us += 1,
            None => {}
        }
    }

    /// A way that has just turned out to be missing.
    pub(crate) fn look(&mut self, ways: Ways, now: Moment) -> Option<Missing> {
        let lasts = |since: Option<Moment>| since.is_some_and(|since| now.since(since) >= ONE_WAY_AFTER);
        if ways.should_receive {
            let since = *self.receiving_since.get_or_insert(now);
            let unheard = lasts(Some(since)) && ways.received <= since;
            if unheard && !std::mem::replace(&mut self.told_received, unheard) {
                return Some(Missing::Received);
            }
        } else {
            (self.receiving_since, self.told_received) = (None, false);
        }
        if !ways.sends {
            (self.sending_since, self.reports_without_us, self.told_sent) = (None, 0, false);
            return None;
        }
        self.sending_since.get_or_insert(now);
        let deaf = self.reports_without_us >= REPORTS_WITHOUT_US && lasts(self.sending_since);
        (deaf && !std::mem::replace(&mut self.told_sent, deaf)).then_some(Missing::Sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(ms * 1_000)
    }

    /// Looks every 100 ms for so long, and tells when what was missing.
    fn watch(until_ms: u64, mut ways: impl FnMut(u64, &mut OneWay) -> Ways) -> Vec<(u64, Missing)> {
        let mut one_way = OneWay::default();
        let looks = (0..=until_ms).step_by(100);
        looks
            .filter_map(|ms| {
                let ways = ways(ms, &mut one_way);
                Some((ms, one_way.look(ways, at(ms))?))
            })
            .collect()
    }

    #[test]
    fn a_peer_that_is_never_heard_is_told_of_once() {
        let never = |_, _: &mut OneWay| Ways {
            should_receive: true,
            received: at(0),
            sends: false,
        };
        assert_eq!(watch(60_000, never), [(5_000, Missing::Received)]);
    }

    #[test]
    fn one_packet_is_enough_and_a_pause_after_it_is_no_fault() {
        let spoke = |ms: u64, _: &mut OneWay| Ways {
            should_receive: true,
            received: at(ms.min(4_900)),
            sends: true,
        };
        assert_eq!(watch(60_000, spoke), []);
    }

    #[test]
    fn what_was_heard_before_the_legs_were_connected_does_not_count_nor_does_a_hold() {
        let ways = |ms: u64, _: &mut OneWay| Ways {
            should_receive: ms >= 10_000 && !(12_000..20_000).contains(&ms),
            received: at(ms.min(9_000)),
            sends: false,
        };
        assert_eq!(watch(60_000, ways), [(25_000, Missing::Received)]);
    }

    #[test]
    fn a_peer_that_reports_and_never_of_us_does_not_hear_us() {
        let report = |ms: u64, about_us: bool, one_way: &mut OneWay| {
            if ms % 5_000 == 2_500 {
                one_way.reported(&Feedback {
                    is_report: true,
                    jitter: about_us.then_some(3),
                    ..Feedback::default()
                });
            }
            Ways {
                should_receive: false,
                received: at(0),
                sends: true,
            }
        };
        assert_eq!(
            watch(60_000, |ms, o| report(ms, false, o)),
            [(7_500, Missing::Sent)]
        );
        assert_eq!(watch(60_000, |ms, o| report(ms, true, o)), []);
        let silent = |_, _: &mut OneWay| Ways {
            should_receive: false,
            received: at(0),
            sends: true,
        };
        assert_eq!(watch(60_000, silent), [], "who does not report may hear all");
    }
}
