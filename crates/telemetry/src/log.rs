//! One log line for every happening of a call, with the call's id in the field `call`.

use crate::Names;
use acd::{Asked, Event, OperatorState, Third};
use tracing::{debug, error, info, warn};

/// Writes the line of one event. Callers' numbers come out masked, durations in seconds.
pub fn log_event(names: &Names, event: &Event) {
    match event {
        Event::CallArrived {
            call,
            queue,
            trunk,
            caller,
            ticket,
            resumed,
            ..
        } => {
            let (queue, trunk) = (names.queue(*queue), names.trunk(*trunk));
            info!(call = call.0, queue, trunk, %caller, ticket, resumed, "call arrived");
        }
        Event::CallAdmitted { call, queue, waited } => {
            info!(
                call = call.0,
                queue = names.queue(*queue),
                waited_s = waited.as_secs_f64(),
                "call admitted"
            );
        }
        Event::PositionAnnounced { call, position, wait } => {
            let wait_s = wait.map(|wait| wait.as_secs_f64());
            debug!(call = call.0, position, wait_s, "position announced");
        }
        Event::WaitJudged {
            call,
            announced,
            waited,
            ..
        } => {
            let announced_s = announced.map(|wait| wait.as_secs_f64());
            debug!(
                call = call.0,
                announced_s,
                waited_s = waited.as_secs_f64(),
                "announcement judged"
            );
        }
        Event::CallAssigned {
            call,
            queue,
            operator,
            leg,
            why,
        } => info!(
            call = call.0,
            leg = leg.leg,
            queue = names.queue(*queue),
            operator = names.operator(*operator),
            ticket = why.ticket,
            age_s = why.age.as_secs_f64(),
            idle_s = why.idle.as_secs_f64(),
            waiting = why.waiting,
            eligible = why.eligible,
            attempt = why.attempt,
            level = why.level,
            relaxed = why.relaxed,
            favourite = why.favourite,
            for_line_s = why.for_line.as_secs_f64(),
            passed_over = why.passed_over.map(|call| call.0),
            "call assigned"
        ),
        Event::CallChose { call, skills } => info!(call = call.0, skills = skills.0, "caller chose"),
        Event::CallBackPromised {
            call, from, ticket, ..
        } => info!(call = call.0, from = from.0, ticket, "call-back promised"),
        Event::CallerDialled { call, operator, .. } => {
            info!(
                call = call.0,
                operator = names.operator(*operator),
                "calling back"
            );
        }
        Event::CallForwarded { call, to, .. } => info!(call = call.0, to, "call forwarded"),
        Event::CallReturned {
            call,
            operator,
            cause,
            rang,
            ..
        } => {
            let (operator, rang_s) = (names.operator(*operator), rang.as_secs_f64());
            info!(call = call.0, operator, ?cause, rang_s, "call returned");
        }
        Event::CallConnected {
            call,
            operator,
            waited,
            rang,
            ..
        } => {
            let (operator, waited_s) = (names.operator(*operator), waited.as_secs_f64());
            info!(
                call = call.0,
                operator,
                waited_s,
                rang_s = rang.as_secs_f64(),
                "call connected"
            );
        }
        Event::CallHeld { call, held: true } => info!(call = call.0, "call held"),
        Event::CallHeld { call, held: false } => info!(call = call.0, "call taken back from hold"),
        Event::ThirdChanged {
            call,
            third: Some(Third { who, role }),
        } => match who {
            Asked::Operator(operator) => {
                info!(
                    call = call.0,
                    operator = names.operator(*operator),
                    ?role,
                    "second operator"
                );
            }
            Asked::Outside { number, leg } => {
                info!(call = call.0, leg = leg.leg, %number, ?role, "number outside asked");
            }
        },
        Event::ThirdChanged { call, third: None } => info!(call = call.0, "nobody asked any more"),
        Event::CallTransferred {
            call, operator, to, ..
        } => info!(
            call = call.0,
            operator = names.operator(*operator),
            to = names.operator(*to),
            "call transferred"
        ),
        Event::CallSentOutside {
            call,
            operator,
            number,
            leg,
            ..
        } => info!(
            call = call.0,
            leg = leg.leg,
            operator = names.operator(*operator),
            %number,
            "call given to a number outside"
        ),
        Event::OutsideAnswered { call, number, .. } => {
            info!(call = call.0, %number, "call talks with a number outside");
        }
        Event::OutsideFailed {
            call, cause, rang, ..
        } => info!(
            call = call.0,
            ?cause,
            rang_s = rang.as_secs_f64(),
            "call returned from outside"
        ),
        Event::CallLeaving { call, outcome, .. } => {
            info!(call = call.0, outcome = outcome.name(), "call leaving");
        }
        Event::CallEnded {
            call,
            queue,
            operator,
            outcome,
            waited,
            talked,
            held,
            place_kept,
        } => info!(
            call = call.0,
            queue = names.queue(*queue),
            operator = operator.map(|operator| names.operator(operator)),
            outcome = outcome.name(),
            waited_s = waited.as_secs_f64(),
            talked_s = talked.as_secs_f64(),
            held_s = held.as_secs_f64(),
            place_kept,
            "call ended"
        ),
        Event::OperatorChanged {
            operator,
            state,
            after,
        } => {
            let (operator, after_s) = (names.operator(*operator), after.as_secs_f64());
            let (call, reason) = details(names, state);
            info!(
                operator,
                state = state.name(),
                reason,
                call,
                after_s,
                "operator changed"
            );
        }
        Event::PhoneChanged {
            operator,
            registered: true,
        } => {
            info!(operator = names.operator(*operator), "phone registered");
        }
        Event::PhoneChanged {
            operator,
            registered: false,
        } => {
            info!(operator = names.operator(*operator), "phone gone");
        }
        Event::CapacityChanged {
            lines,
            before,
            next_lines,
            ..
        } => {
            info!(lines, before, next_lines, "lines in force changed");
        }
        Event::FifoOvertaken { call, by } => {
            error!(
                call = call.0,
                by = by.0,
                "call overtaken: report this with the journal"
            );
        }
        Event::Refused { operator, refusal } => {
            info!(
                operator = names.operator(*operator),
                refusal = refusal.name(),
                "command refused"
            );
        }
        Event::MediaSilent { leg } => warn!(call = leg.call.0, leg = leg.leg, "no audio arrives"),
        Event::Draining => info!("draining: new calls are refused"),
        Event::Started => info!("calls are taken again"),
    }
}

/// The call an operator's state is about, and why a pause.
fn details<'a>(names: &'a Names, state: &OperatorState) -> (Option<u64>, Option<&'a str>) {
    match state {
        OperatorState::Paused { reason } => (None, Some(names.pause(*reason))),
        OperatorState::Reserved { leg, .. } | OperatorState::Talking { leg } => (Some(leg.call.0), None),
        OperatorState::WrapUp { call, .. } => (Some(call.0), None),
        OperatorState::SignedOff | OperatorState::Available => (None, None),
    }
}
