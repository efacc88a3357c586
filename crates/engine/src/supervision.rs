//! Supervisors on calls: who listens to which call, and how the audio is connected for that.
//!
//! The queue knows nothing of it: nobody's place, line or turn depends on a supervisor, so it is neither an input nor in the
//! journal. After a restart the legs of supervisors belong to nobody and are hung up; the calls go on.
//!
//! Always holds: a call has one supervisor at most, and a supervisor's phone one call; the leg ends with the call; whoever
//! listened to whom, how and for how long is in the log.

use crate::metrics;
use acd::{CallId, CallerNumber, HangUpCause, LegId, OperatorId};
use feed::{Hub, Listener, Refusal, Supervise, SupervisorMode};
use media::{Hearing, Media};
use prometheus::{IntCounterVec, IntGauge, Registry};
use sip::{Sip, SipEvent};
use std::collections::BTreeMap;
use std::time::Instant;

/// What became of a supervisor's phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupervisorNews {
    /// It was picked up.
    Answered(LegId),
    /// Its leg is over, or it could not be reached.
    Over(LegId),
    /// Nothing is heard of it.
    Silent(LegId),
}

impl SupervisorNews {
    /// What signalling says, if it is about a supervisor's leg: inner for what is of interest.
    pub(crate) fn of_sip(event: SipEvent) -> Option<Option<Self>> {
        let (leg, news) = match event {
            SipEvent::Answered { leg } => (leg, Some(Self::Answered(leg))),
            SipEvent::Failed { leg, .. } | SipEvent::Gone { leg } => (leg, Some(Self::Over(leg))),
            SipEvent::Ringing { leg } | SipEvent::Held { leg, .. } | SipEvent::Dtmf { leg, .. } => {
                (leg, None)
            }
            SipEvent::CallArrived { .. }
            | SipEvent::CallerGone { .. }
            | SipEvent::PhoneRegistered { .. }
            | SipEvent::PhoneUnregistered { .. } => return None,
        };
        leg.is_supervisor().then_some(news)
    }
}

/// One supervisor on a call.
struct Session {
    leg: LegId,
    operator: OperatorId,
    phone: String,
    mode: SupervisorMode,
    answered: Option<Instant>,
}

/// All supervisors on calls.
pub(crate) struct Supervision {
    sip: Sip,
    media: Media,
    hub: Hub,
    sessions: BTreeMap<CallId, Session>,
    /// The legs of each call that hear each other.
    talking: BTreeMap<CallId, Vec<LegId>>,
    next_leg: u32,
    begun: IntCounterVec,
    active: IntGauge,
}

impl Supervision {
    pub(crate) fn new(
        sip: Sip,
        media: Media,
        hub: Hub,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let (begun, active) = metrics::supervisions(registry)?;
        Ok(Self {
            // The leg of a supervisor of the last run may still be ending.
            next_leg: sip
                .legs()
                .iter()
                .map(|leg| leg.leg + 1)
                .max()
                .unwrap_or(0)
                .max(LegId::SUPERVISORS),
            sip,
            media,
            hub,
            sessions: BTreeMap::new(),
            talking: BTreeMap::new(),
            begun,
            active,
        })
    }

    /// Legs of a call, two at least, are to hear each other, and nobody else.
    pub(crate) fn talk(&mut self, legs: Vec<LegId>) {
        let Some(call) = legs.first().map(|leg| leg.call) else {
            return;
        };
        self.talking.insert(call, legs);
        self.connect(call);
    }

    /// The caller is played to, and hears nobody.
    pub(crate) fn unbridged(&mut self, call: CallId) {
        self.talking.remove(&call);
    }

    /// A call is over, and so is listening to it.
    pub(crate) fn ended(&mut self, call: CallId) {
        self.talking.remove(&call);
        self.end(call);
    }

    /// Does what a supervisor asks for in the call that an operator talks in.
    pub(crate) fn order(&mut self, call: CallId, order: Supervise) -> Result<(), Refusal> {
        let Some(mode) = order.mode else {
            self.end(call);
            return Ok(());
        };
        if let Some(session) = self.sessions.get_mut(&call) {
            if session.phone != order.phone {
                return Err(Refusal::SupervisedAlready);
            }
            if session.mode != mode {
                session.mode = mode;
                self.show(call);
                self.told(call);
            }
            return Ok(());
        }
        if self.sessions.values().any(|session| session.phone == order.phone) {
            return Err(Refusal::PhoneTaken);
        }
        if !self.sip.reaches(&order.phone) {
            return Err(Refusal::PhoneUnreachable);
        }
        let leg = LegId {
            call,
            leg: self.next_leg,
        };
        self.next_leg = self.next_leg.checked_add(1).unwrap_or(LegId::SUPERVISORS);
        self.sip
            .dial_supervisor(leg, &order.phone, CallerNumber::new(&order.shown));
        let session = Session {
            leg,
            operator: order.operator,
            phone: order.phone,
            mode,
            answered: None,
        };
        self.sessions.insert(call, session);
        self.active.set(self.sessions.len() as i64);
        self.show(call);
        Ok(())
    }

    /// Takes in what became of a phone.
    pub(crate) fn hear(&mut self, news: SupervisorNews) {
        let (SupervisorNews::Answered(leg) | SupervisorNews::Over(leg) | SupervisorNews::Silent(leg)) = news;
        let session = self
            .sessions
            .get_mut(&leg.call)
            .filter(|session| session.leg == leg);
        match (news, session) {
            (SupervisorNews::Answered(_), Some(session)) => {
                session.answered = Some(Instant::now());
                self.show(leg.call);
                self.told(leg.call);
            }
            // Picked up when it was no longer wanted.
            (SupervisorNews::Answered(_), None) => self.sip.hang_up(leg, HangUpCause::Ended),
            (SupervisorNews::Over(_), Some(_)) => self.over(leg.call),
            // Silence proves nothing: the peer is asked.
            (SupervisorNews::Silent(_), Some(_)) => self.sip.probe(leg),
            (SupervisorNews::Over(_) | SupervisorNews::Silent(_), None) => {}
        }
    }

    /// Legs that are there for no call of the queue.
    pub(crate) fn knows(&self, leg: LegId) -> bool {
        self.sessions
            .get(&leg.call)
            .is_some_and(|session| session.leg == leg)
    }

    /// Shows supervisors' consoles who is at a call.
    fn show(&self, call: CallId) {
        let listener = self.sessions.get(&call).map(|session| Listener {
            phone: session.phone.clone(),
            mode: session.mode,
            ringing: session.answered.is_none(),
        });
        self.hub.tell_listener(call, listener);
    }

    /// A supervisor listens, or does it in another way: connects the audio, and says so.
    fn told(&mut self, call: CallId) {
        let Some(session) = self
            .sessions
            .get(&call)
            .filter(|session| session.answered.is_some())
        else {
            return;
        };
        self.begun.with_label_values(&[session.mode.name()]).inc();
        tracing::info!(
            call = call.0,
            leg = session.leg.leg,
            operator = session.operator.0,
            phone = session.phone,
            mode = session.mode.name(),
            "a supervisor listens"
        );
        self.connect(call);
    }

    /// Connects the audio of a call as it is to be heard now.
    fn connect(&self, call: CallId) {
        let Some(talking) = self.talking.get(&call) else {
            return;
        };
        let session = self.sessions.get(&call);
        let supervisor = session
            .filter(|session| session.answered.is_some())
            .map(|session| (session.leg, session.mode));
        match (supervisor, talking.as_slice()) {
            (None, &[one, other]) => self.media.bridge(one, other),
            _ => self.media.connect(hearings(talking, supervisor)),
        }
    }

    fn end(&mut self, call: CallId) {
        if let Some(session) = self.sessions.get(&call) {
            self.sip.hang_up(session.leg, HangUpCause::Ended);
            self.over(call);
        }
    }

    fn over(&mut self, call: CallId) {
        let Some(session) = self.sessions.remove(&call) else {
            return;
        };
        self.active.set(self.sessions.len() as i64);
        self.show(call);
        tracing::info!(
            call = call.0,
            leg = session.leg.leg,
            operator = session.operator.0,
            phone = session.phone,
            listened_s = session.answered.map(|since| since.elapsed().as_secs_f64()),
            "a supervisor listens no more"
        );
        self.connect(call);
    }
}

/// Who hears whom: those who talk hear one another, a supervisor hears them all, and
/// is heard by whom the mode says.
fn hearings(talking: &[LegId], supervisor: Option<(LegId, SupervisorMode)>) -> Vec<Hearing> {
    let heard_by = |leg: LegId| match supervisor? {
        (supervisor, SupervisorMode::Whisper) if !leg.is_caller() => Some(supervisor),
        (supervisor, SupervisorMode::Barge) => Some(supervisor),
        _ => None,
    };
    let others = |leg: LegId| talking.iter().copied().filter(move |other| *other != leg);
    let each = talking.iter().map(|&leg| Hearing {
        leg,
        hears: others(leg).chain(heard_by(leg)).collect(),
    });
    let supervisor = supervisor.map(|(leg, _)| Hearing {
        leg,
        hears: talking.to_vec(),
    });
    each.chain(supervisor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By leg number: who hears whom.
    fn heard(talking: &[u32], mode: Option<SupervisorMode>) -> Vec<(u32, Vec<u32>)> {
        let leg = |leg: &u32| LegId {
            call: CallId(1),
            leg: *leg,
        };
        let talking: Vec<LegId> = talking.iter().map(leg).collect();
        let hearings = hearings(&talking, mode.map(|mode| (leg(&9), mode)));
        let numbers = |legs: Vec<LegId>| legs.into_iter().map(|leg| leg.leg).collect();
        let each = hearings
            .into_iter()
            .map(|hearing| (hearing.leg.leg, numbers(hearing.hears)));
        each.collect()
    }

    #[test]
    fn who_hears_whom() {
        use SupervisorMode::{Barge, Listen, Whisper};
        for (talking, mode, expected) in [
            (
                &[0, 1, 2][..],
                None,
                &[(0, &[1, 2][..]), (1, &[0, 2]), (2, &[0, 1])][..],
            ),
            (&[0, 1], Some(Listen), &[(0, &[1]), (1, &[0]), (9, &[0, 1])]),
            (&[0, 1], Some(Whisper), &[(0, &[1]), (1, &[0, 9]), (9, &[0, 1])]),
            (&[0, 1], Some(Barge), &[(0, &[1, 9]), (1, &[0, 9]), (9, &[0, 1])]),
            (
                &[1, 2],
                Some(Whisper),
                &[(1, &[2, 9]), (2, &[1, 9]), (9, &[1, 2])],
            ),
            (
                &[0, 1, 2],
                Some(Whisper),
                &[(0, &[1, 2]), (1, &[0, 2, 9]), (2, &[0, 1, 9]), (9, &[0, 1, 2])],
            ),
        ] {
            let expected: Vec<(u32, Vec<u32>)> = expected
                .iter()
                .map(|(leg, hears)| (*leg, hears.to_vec()))
                .collect();
            assert_eq!(heard(talking, mode), expected, "{talking:?} {mode:?}");
        }
    }
}
