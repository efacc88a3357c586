//! The words of the wire: closed sets, each spelled here and nowhere else.

use crate::auth;
use acd::{FailCause, OperatorState};
use serde::Serialize;

/// What a client may see and do.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleName {
    Wallboard,
    Operator,
    Supervisor,
}

impl From<auth::Role> for RoleName {
    fn from(role: auth::Role) -> Self {
        match role {
            auth::Role::Wallboard => Self::Wallboard,
            auth::Role::Operator(_) => Self::Operator,
            auth::Role::Supervisor(_) => Self::Supervisor,
        }
    }
}

/// How far a call has come.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Queued,
    Admitted,
    Ringing,
    CallingBack,
    Talking,
    Leaving,
    Forwarded,
}

impl From<&acd::Stage> for Stage {
    fn from(stage: &acd::Stage) -> Self {
        match stage {
            acd::Stage::Queued => Self::Queued,
            acd::Stage::Admitted => Self::Admitted,
            acd::Stage::Ringing { .. } | acd::Stage::RingingOutside { .. } => Self::Ringing,
            acd::Stage::CallingBack { .. } => Self::CallingBack,
            acd::Stage::Talking { .. } => Self::Talking,
            acd::Stage::Leaving => Self::Leaving,
            acd::Stage::Forwarded { .. } | acd::Stage::TalkingOutside { .. } => Self::Forwarded,
        }
    }
}

/// What an operator is doing.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    SignedOff,
    Paused,
    Available,
    Reserved,
    Talking,
    WrapUp,
}

impl From<&OperatorState> for State {
    fn from(state: &OperatorState) -> Self {
        match state {
            OperatorState::SignedOff => Self::SignedOff,
            OperatorState::Paused { .. } => Self::Paused,
            OperatorState::Available => Self::Available,
            OperatorState::Reserved { .. } => Self::Reserved,
            OperatorState::Talking { .. } => Self::Talking,
            OperatorState::WrapUp { .. } => Self::WrapUp,
        }
    }
}

/// What a second operator does in a call.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Ringing,
    Consulted,
    Joined,
}

impl From<acd::Role> for Role {
    fn from(role: acd::Role) -> Self {
        match role {
            acd::Role::Ringing => Self::Ringing,
            acd::Role::Consulted => Self::Consulted,
            acd::Role::Joined => Self::Joined,
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Answered,
    Abandoned,
    ShortAbandoned,
    Saturated,
    Closed,
    TimedOut,
    Callback,
    Rejected,
    Failed,
}

impl From<acd::Outcome> for Outcome {
    fn from(outcome: acd::Outcome) -> Self {
        match outcome {
            acd::Outcome::Answered => Self::Answered,
            acd::Outcome::Abandoned => Self::Abandoned,
            acd::Outcome::ShortAbandoned => Self::ShortAbandoned,
            acd::Outcome::Saturated => Self::Saturated,
            acd::Outcome::Closed => Self::Closed,
            acd::Outcome::TimedOut => Self::TimedOut,
            acd::Outcome::Callback => Self::Callback,
            acd::Outcome::Rejected => Self::Rejected,
            acd::Outcome::Failed => Self::Failed,
        }
    }
}

/// Why a call went back to its place after a phone had rung for it.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReturnCause {
    NoAnswer,
    PhoneGone,
    OperatorLeft,
    Busy,
    Declined,
    PhoneNoAnswer,
    Unreachable,
    Other,
}

impl From<acd::ReturnCause> for ReturnCause {
    fn from(cause: acd::ReturnCause) -> Self {
        match cause {
            acd::ReturnCause::NoAnswer => Self::NoAnswer,
            acd::ReturnCause::PhoneGone => Self::PhoneGone,
            acd::ReturnCause::OperatorLeft => Self::OperatorLeft,
            acd::ReturnCause::Failed(FailCause::Busy) => Self::Busy,
            acd::ReturnCause::Failed(FailCause::Declined) => Self::Declined,
            acd::ReturnCause::Failed(FailCause::NoAnswer) => Self::PhoneNoAnswer,
            acd::ReturnCause::Failed(FailCause::Unreachable) => Self::Unreachable,
            acd::ReturnCause::Failed(FailCause::Other(_)) => Self::Other,
        }
    }
}
