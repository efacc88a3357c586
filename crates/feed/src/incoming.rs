//! What comes in: a client's message, made into something that can be done.

use crate::auth::Role;
use crate::command::{Refusal, Supervise, SupervisorMode};
use crate::config::Directory;
use crate::lines;
use acd::{CallerNumber, Input, OperatorId, PauseReason, TransferRule};
use serde::Deserialize;

/// The longest id of a command, in bytes.
const ID_BYTES_MAX: usize = 64;

/// A command. Fields it does not know are ignored.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Command {
    /// Drawn anew for each command, 1 to 64 bytes: the answer carries it, and what is sent twice is done once.
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) action: Action,
}

/// What may be asked. `operator` says whom a supervisor's command is for.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Action {
    SignOn {
        operator: Option<String>,
    },
    Ready {
        operator: Option<String>,
    },
    Pause {
        operator: Option<String>,
        reason: String,
    },
    SignOff {
        operator: Option<String>,
    },
    ExtendWrapUp {
        operator: Option<String>,
    },
    /// Of the call in hand, as those that follow: ends it, or declines it while the phone rings.
    HangUp {
        operator: Option<String>,
    },
    Hold {
        operator: Option<String>,
        on: bool,
    },
    /// `to` is an operator's name.
    Transfer {
        operator: Option<String>,
        to: String,
    },
    /// `number` is one outside.
    TransferOutside {
        operator: Option<String>,
        number: String,
    },
    Consult {
        operator: Option<String>,
        to: String,
    },
    /// `number` is one outside.
    ConsultOutside {
        operator: Option<String>,
        number: String,
    },
    Conference {
        operator: Option<String>,
    },
    CompleteTransfer {
        operator: Option<String>,
    },
    CancelConsult {
        operator: Option<String>,
    },
    SetLines {
        lines: i64,
        /// Milliseconds since the Unix epoch.
        until: i64,
    },
    FollowSchedule,
    Explain {
        call: u64,
    },
    Record {
        operator: Option<String>,
        on: bool,
    },
    /// Keeps what an operator writes down about a call, in place of what was kept before.
    SaveForm {
        operator: Option<String>,
        call: u64,
        outcome: Option<String>,
        #[serde(default)]
        categories: Vec<String>,
        #[serde(default)]
        text: String,
    },
    /// The earlier calls of a call's caller, and what was written down about it.
    History {
        call: u64,
    },
    /// Somebody has reached this caller, who need not be called back any more.
    Reached {
        caller: String,
    },
    /// The day so far, for curves and shares.
    Day,
    /// Keeps the session of this connection from running out.
    Renew,
    /// For supervisors, as the two that follow: `phone` is theirs, and may be left out where there is but one.
    Listen {
        operator: String,
        phone: Option<String>,
    },
    Whisper {
        operator: String,
        phone: Option<String>,
    },
    Barge {
        operator: String,
        phone: Option<String>,
    },
    /// Ends what those began.
    Leave {
        operator: String,
    },
}

impl Action {
    /// The word in metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Action::SignOn { .. } => "sign_on",
            Action::Ready { .. } => "ready",
            Action::Pause { .. } => "pause",
            Action::SignOff { .. } => "sign_off",
            Action::ExtendWrapUp { .. } => "extend_wrap_up",
            Action::HangUp { .. } => "hang_up",
            Action::Hold { .. } => "hold",
            Action::Transfer { .. } => "transfer",
            Action::TransferOutside { .. } => "transfer_outside",
            Action::Consult { .. } => "consult",
            Action::ConsultOutside { .. } => "consult_outside",
            Action::Conference { .. } => "conference",
            Action::CompleteTransfer { .. } => "complete_transfer",
            Action::CancelConsult { .. } => "cancel_consult",
            Action::SetLines { .. } => "set_lines",
            Action::FollowSchedule => "follow_schedule",
            Action::Explain { .. } => "explain",
            Action::Record { .. } => "record",
            Action::SaveForm { .. } => "save_form",
            Action::History { .. } => "history",
            Action::Reached { .. } => "reached",
            Action::Day => "day",
            Action::Renew => "renew",
            Action::Listen { .. } => SupervisorMode::Listen.name(),
            Action::Whisper { .. } => SupervisorMode::Whisper.name(),
            Action::Barge { .. } => SupervisorMode::Barge.name(),
            Action::Leave { .. } => "leave",
        }
    }
}

impl Command {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], saying where.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let command: Self =
            serde_json::from_str(text).map_err(|error| Refusal::Malformed(error.to_string()))?;
        if command.id.is_empty() || command.id.len() > ID_BYTES_MAX {
            return Err(Refusal::Malformed(format!(
                "`id` must be 1 to {ID_BYTES_MAX} bytes long"
            )));
        }
        Ok(command)
    }
}

impl Action {
    /// The operator that it names.
    pub(crate) fn operator(&self) -> Option<&str> {
        match self {
            Action::SignOn { operator }
            | Action::Ready { operator }
            | Action::Pause { operator, .. }
            | Action::SignOff { operator }
            | Action::ExtendWrapUp { operator }
            | Action::HangUp { operator }
            | Action::Hold { operator, .. }
            | Action::Transfer { operator, .. }
            | Action::TransferOutside { operator, .. }
            | Action::Consult { operator, .. }
            | Action::ConsultOutside { operator, .. }
            | Action::Conference { operator }
            | Action::CompleteTransfer { operator }
            | Action::CancelConsult { operator }
            | Action::Record { operator, .. }
            | Action::SaveForm { operator, .. } => operator.as_deref(),
            Action::Listen { operator, .. }
            | Action::Whisper { operator, .. }
            | Action::Barge { operator, .. }
            | Action::Leave { operator } => Some(operator),
            Action::SetLines { .. }
            | Action::FollowSchedule
            | Action::Explain { .. }
            | Action::History { .. }
            | Action::Reached { .. }
            | Action::Day
            | Action::Renew => None,
        }
    }

    /// Of a supervisor who wants to listen: to whose call, at which phone and how; not any more, if that is missing.
    pub(crate) fn supervision(&self) -> Option<(&str, Option<&str>, Option<SupervisorMode>)> {
        let (operator, phone, mode) = match self {
            Action::Listen { operator, phone } => (operator, phone, SupervisorMode::Listen),
            Action::Whisper { operator, phone } => (operator, phone, SupervisorMode::Whisper),
            Action::Barge { operator, phone } => (operator, phone, SupervisorMode::Barge),
            Action::Leave { operator } => return Some((operator, None, None)),
            _ => return None,
        };
        Some((operator, phone.as_deref(), Some(mode)))
    }

    /// The input that this, asked by somebody with `role`, comes to.
    ///
    /// # Errors
    /// The role may not, a name is unknown, or a number is out of range.
    pub(crate) fn input(&self, role: Role, directory: &Directory) -> Result<Input, Refusal> {
        let subject = |named: &Option<String>| subject(named.as_deref(), role, directory);
        match self {
            Action::Renew
            | Action::Explain { .. }
            | Action::Record { .. }
            | Action::SaveForm { .. }
            | Action::History { .. }
            | Action::Reached { .. }
            | Action::Day
            | Action::Listen { .. }
            | Action::Whisper { .. }
            | Action::Barge { .. }
            | Action::Leave { .. } => Err(Refusal::Malformed(format!(
                "`{}` asks nothing of the queue",
                self.name()
            ))),
            Action::SignOn { operator } => subject(operator).map(|operator| Input::SignOn { operator }),
            Action::SignOff { operator } => subject(operator).map(|operator| Input::SignOff { operator }),
            Action::Ready { operator } => subject(operator).map(|operator| Input::Ready { operator }),
            Action::ExtendWrapUp { operator } => {
                subject(operator).map(|operator| Input::ExtendWrapUp { operator })
            }
            Action::Pause { operator, reason } => {
                let operator = subject(operator)?;
                let reason = pause_reason(reason, directory)?;
                Ok(Input::Pause { operator, reason })
            }
            Action::HangUp { operator } => subject(operator).map(|operator| Input::HangUp { operator }),
            Action::Hold { operator, on } => {
                subject(operator).map(|operator| Input::Hold { operator, on: *on })
            }
            Action::Transfer { operator, to } => {
                let (operator, to) = (subject(operator)?, target(to, directory)?);
                Ok(Input::Transfer { operator, to })
            }
            Action::TransferOutside { operator, number } => Ok(Input::TransferOutside {
                operator: subject(operator)?,
                number: dialable(number)?,
            }),
            Action::Consult { operator, to } => {
                let (operator, to) = (subject(operator)?, target(to, directory)?);
                Ok(Input::Consult { operator, to })
            }
            Action::ConsultOutside { operator, number } => Ok(Input::ConsultOutside {
                operator: subject(operator)?,
                number: dialable(number)?,
            }),
            Action::Conference { operator } => {
                subject(operator).map(|operator| Input::Conference { operator })
            }
            Action::CompleteTransfer { operator } => {
                subject(operator).map(|operator| Input::CompleteTransfer { operator })
            }
            Action::CancelConsult { operator } => {
                subject(operator).map(|operator| Input::CancelConsult { operator })
            }
            Action::SetLines { .. } | Action::FollowSchedule if !matches!(role, Role::Supervisor(_)) => {
                Err(Refusal::NotSignedIn)
            }
            Action::SetLines { lines, until } => lines::order(*lines, *until),
            Action::FollowSchedule => Ok(Input::FollowSchedule),
        }
    }
}

/// What a supervisor asks for who wants to listen to an operator's call as `mode` says, or no longer.
///
/// # Errors
/// The role may not, there is no such operator, or no such phone.
pub(crate) fn supervise(
    operator: &str,
    phone: Option<&str>,
    mode: Option<SupervisorMode>,
    role: Role,
    directory: &Directory,
) -> Result<Supervise, Refusal> {
    if !matches!(role, Role::Supervisor(_)) {
        return Err(Refusal::NotSignedIn);
    }
    let subject = subject(Some(operator), role, directory)?;
    let phone_of = |name: &str| directory.phones.iter().find(|phone| *phone == name);
    let phone = match (phone, directory.account(role), directory.phones.as_slice()) {
        (Some(named), _, _) => phone_of(named),
        (None, _, [only]) => Some(only),
        (None, Some(account), _) => phone_of(&account.name),
        (None, None, _) => None,
    };
    let phone = match (phone, mode) {
        (Some(phone), _) => phone.clone(),
        (None, None) => String::new(),
        (None, Some(_)) => return Err(Refusal::UnknownPhone),
    };
    Ok(Supervise {
        operator: subject,
        shown: operator.to_owned(),
        phone,
        mode,
    })
}

fn pause_reason(reason: &str, directory: &Directory) -> Result<PauseReason, Refusal> {
    let index = directory.pause_reasons.iter().position(|known| known == reason);
    let index = index.and_then(|index| u16::try_from(index).ok());
    Ok(PauseReason::Chosen(index.ok_or(Refusal::UnknownPauseReason)?))
}

/// Whom a command is for that names `named`: operators speak for themselves only.
///
/// # Errors
/// The role may not speak for that operator, or there is none by that name.
pub(crate) fn subject(named: Option<&str>, role: Role, directory: &Directory) -> Result<OperatorId, Refusal> {
    let named = named.map(|name| by_name(name, directory));
    match (role, named) {
        (Role::Operator(own), None) => Ok(own),
        (Role::Operator(own), Some(Some(named))) if named == own => Ok(own),
        (Role::Supervisor(_), Some(Some(named))) => Ok(named),
        (Role::Supervisor(_), _) => Err(Refusal::UnknownOperator),
        _ => Err(Refusal::NotSignedIn),
    }
}

/// Whom an operator asks about a call, or gives it to.
fn target(name: &str, directory: &Directory) -> Result<OperatorId, Refusal> {
    by_name(name, directory).ok_or(Refusal::UnknownTarget)
}

/// A number that is to be dialled for a call.
fn dialable(number: &str) -> Result<CallerNumber, Refusal> {
    match TransferRule::is_number(number) {
        true => Ok(CallerNumber::new(number)),
        false => Err(Refusal::NotANumber),
    }
}

fn by_name(name: &str, directory: &Directory) -> Option<OperatorId> {
    let mut accounts = directory.operators.iter();
    let index = accounts.position(|account| account.name == name)?;
    u32::try_from(index).ok().map(OperatorId)
}

#[cfg(test)]
mod tests;
