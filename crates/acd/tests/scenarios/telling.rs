//! What the core says, in the words of the scenarios.

use crate::script::Run;
use acd::*;
use std::time::Duration;

impl Run {
    pub(crate) fn name(&self, call: CallId) -> String {
        let known = |(name, id): (&String, &CallId)| match () {
            () if *id == call => Some(name.clone()),
            () if id.call_back() == call => Some(format!("{name}*")),
            () => None,
        };
        self.calls.iter().find_map(known).unwrap_or_else(|| "?".into())
    }

    pub(crate) fn tell(&mut self, output: &Output) -> Option<String> {
        if let Output::Dial { leg, operator, .. } = output {
            self.legs.insert(*operator, *leg);
        }
        let leg = |leg: &LegId| format!("{}/{}", self.name(leg.call), leg.leg);
        Some(match output {
            Output::EarlyMedia { call } => format!("{} in early media", self.name(*call)),
            Output::Answer { call } => format!("{} answered", self.name(*call)),
            Output::Refuse {
                call,
                outcome,
                retry_after,
            } => {
                let later = retry_after.map_or(String::new(), |d| format!(", retry after {}", short(d)));
                format!("{} refused ({}{later})", self.name(*call), outcome.name())
            }
            Output::Play { call, audio } => format!("{} hears {}", self.name(*call), sound(audio)),
            Output::Dial {
                leg: to, operator, ..
            } => format!("dial op{} for {}", operator.0 + 1, leg(to)),
            Output::DialOut {
                leg: to,
                to: Destination::Caller,
                caller,
                ..
            } => format!("dial {} for {}", caller.reveal(), leg(to)),
            Output::DialOut {
                leg: to,
                to: Destination::Forward(n),
                ..
            } => format!("dial forward {n} for {}", leg(to)),
            Output::DialOut {
                leg: to,
                to: Destination::Number(number),
                ..
            } => format!("dial {} for {}", number.reveal(), leg(to)),
            Output::Ringback { leg: to } => format!("{} hears it ring", leg(to)),
            Output::Bridge { operator_leg } => format!("bridge {}", leg(operator_leg)),
            Output::Confer {
                operator_leg,
                third_leg,
                caller,
            } => {
                let too = if *caller { " with the caller" } else { "" };
                format!("confer {} {}{too}", leg(operator_leg), leg(third_leg))
            }
            Output::HangUp { leg: to, cause } => format!("hang up {} ({})", leg(to), word(cause)),
            Output::Event(event) => return self.tell_event(event),
        })
    }

    fn tell_event(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::CallArrived {
                call,
                ticket,
                resumed: true,
                ..
            } => {
                format!("{} takes up ticket {ticket}", self.name(*call))
            }
            Event::CallArrived { call, ticket, .. } => format!("{} has ticket {ticket}", self.name(*call)),
            Event::CallChose { call, skills } => format!("{} needs {}", self.name(*call), skills.0),
            Event::CallBackPromised {
                call, ticket, since, ..
            } => format!(
                "{} promised with ticket {ticket} of {} ago",
                self.name(*call),
                short(self.now.since(*since)),
            ),
            Event::CallForwarded { call, to, .. } => format!("{} is with forward {to}", self.name(*call)),
            Event::CallAdmitted { call, .. } => format!("{} has a line", self.name(*call)),
            Event::CallAssigned {
                call, operator, why, ..
            } => format!(
                "{} -> op{} (age {}, idle {}, {} waiting, {} eligible{})",
                self.name(*call),
                operator.0 + 1,
                short(why.age),
                short(why.idle),
                why.waiting,
                why.eligible,
                why.passed_over
                    .map_or(String::new(), |call| format!(", past {}", self.name(call))),
            ),
            Event::CallReturned {
                call,
                operator,
                cause,
                ..
            } => {
                format!(
                    "{} back from op{} ({})",
                    self.name(*call),
                    operator.0 + 1,
                    word(cause)
                )
            }
            Event::CallConnected { call, operator, .. } => {
                format!("{} talks with op{}", self.name(*call), operator.0 + 1)
            }
            Event::CallHeld { call, held } => {
                format!(
                    "{} {}",
                    self.name(*call),
                    if *held { "on hold" } else { "off hold" }
                )
            }
            Event::ThirdChanged { call, third: None } => format!("{} alone", self.name(*call)),
            Event::ThirdChanged {
                call,
                third: Some(third),
            } => {
                let who = match third.who {
                    Asked::Operator(operator) => format!("op{}", operator.0 + 1),
                    Asked::Outside { number, .. } => number.reveal().to_owned(),
                };
                format!("{} with {who} ({})", self.name(*call), word(&third.role))
            }
            Event::CallTransferred {
                call, operator, to, ..
            } => format!("{} from op{} to op{}", self.name(*call), operator.0 + 1, to.0 + 1),
            Event::CallSentOutside {
                call,
                operator,
                number,
                ..
            } => format!(
                "{} from op{} to {}",
                self.name(*call),
                operator.0 + 1,
                number.reveal()
            ),
            Event::OutsideAnswered { call, number, .. } => {
                format!("{} is with {}", self.name(*call), number.reveal())
            }
            Event::OutsideFailed { call, cause, .. } => {
                format!("{} back from outside ({})", self.name(*call), word(cause))
            }
            Event::CallEnded {
                call,
                outcome,
                waited,
                talked,
                held,
                place_kept,
                ..
            } => {
                let times = [("waited", waited), ("talked", talked), ("held", held)];
                let times = times.iter().filter(|(_, time)| !time.is_zero());
                let times: String = times
                    .map(|(what, time)| format!(", {what} {}", short(**time)))
                    .collect();
                let kept = if *place_kept { ", place kept" } else { "" };
                format!("{} ends ({}{times}{kept})", self.name(*call), outcome.name())
            }
            Event::OperatorChanged { operator, state, .. } => {
                let state = match state {
                    OperatorState::Paused { reason } => format!("paused ({})", word(reason)),
                    OperatorState::WrapUp { until, .. } => {
                        format!("wraps up for {}", short(until.since(self.now)))
                    }
                    // The call's own events tell this.
                    OperatorState::Reserved { .. } | OperatorState::Talking { .. } => return None,
                    other => other.name().into(),
                };
                format!("op{} {state}", operator.0 + 1)
            }
            Event::CapacityChanged { lines, before, .. } => format!("{lines} lines instead of {before}"),
            Event::FifoOvertaken { call, by } => {
                format!("{} OVERTAKEN by {}", self.name(*call), self.name(*by))
            }
            Event::Refused { operator, refusal } => {
                format!("op{} refused ({})", operator.0 + 1, refusal.name())
            }
            Event::MediaSilent { leg } => format!("{}/{} is silent", self.name(leg.call), leg.leg),
            Event::Draining => "draining".into(),
            Event::Started => "started".into(),
            // Said by the output beside it.
            Event::PositionAnnounced { .. }
            | Event::WaitJudged { .. }
            | Event::CallLeaving { .. }
            | Event::CallerDialled { .. }
            | Event::PhoneChanged { .. } => {
                return None;
            }
        })
    }
}

fn sound(audio: &Audio) -> String {
    match audio {
        Audio::Position {
            position,
            wait,
            call_back,
        } => {
            let wait = wait.map_or(String::new(), |wait| format!(", wait {}", short(wait)));
            let offer = call_back.map_or(String::new(), |key| format!(", call-back by {key}"));
            format!("position {position}{wait}{offer}")
        }
        Audio::CallBackOffer(key) => format!("call-back by {key}"),
        Audio::LastOffer(key) => format!("last offer, call-back by {key}"),
        Audio::Farewell(outcome) => format!("farewell ({})", outcome.name()),
        other => word(other),
    }
}

/// A simple enum's variant in the words of the wire.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).expect("plain data");
    json.replace(['"', '{', '}'], "")
}

pub(crate) fn short(d: Duration) -> String {
    match d.subsec_millis() {
        0 => format!("{}s", d.as_secs()),
        _ => format!("{}s", d.as_secs_f64()),
    }
}
