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
            Action::SetLines { .. } | Action::FollowSchedule if role != Role::Supervisor => {
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
    if role != Role::Supervisor {
        return Err(Refusal::NotSignedIn);
    }
    let subject = subject(Some(operator), role, directory)?;
    let phone = match (phone, directory.supervisors.as_slice()) {
        (Some(named), phones) => phones.iter().find(|phone| *phone == named),
        (None, [only]) => Some(only),
        (None, _) => None,
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
        (Role::Supervisor, Some(Some(named))) => Ok(named),
        (Role::Supervisor, _) => Err(Refusal::UnknownOperator),
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
mod tests {
    use super::*;
    use crate::config::Account;
    use crate::secret::Secret;
    use acd::Timestamp;

    fn directory() -> Directory {
        let account = |name: &str| Account {
            name: name.into(),
            secret: Secret::default(),
        };
        Directory {
            operators: vec![account("1001"), account("1002")],
            pause_reasons: vec!["lunch".into(), "training".into()],
            ..Directory::default()
        }
    }

    #[test]
    fn commands_become_inputs() {
        const ANNE: OperatorId = OperatorId(0);
        const BERT: OperatorId = OperatorId(1);
        let anne = Role::Operator(ANNE);
        let training = PauseReason::Chosen(1);
        let table = [
            (
                anne,
                r#"{"id":"1","do":"ready"}"#,
                Ok(Input::Ready { operator: ANNE }),
            ),
            (
                anne,
                r#"{"id":"1","do":"ready","operator":"1001"}"#,
                Ok(Input::Ready { operator: ANNE }),
            ),
            (
                anne,
                r#"{"id":"1","do":"ready","operator":"1002"}"#,
                Err(Refusal::NotSignedIn),
            ),
            (
                anne,
                r#"{"id":"1","do":"ready","shiny":{"new":[1]}}"#,
                Ok(Input::Ready { operator: ANNE }),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"sign_off","operator":"1002"}"#,
                Ok(Input::SignOff { operator: BERT }),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"sign_off"}"#,
                Err(Refusal::UnknownOperator),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"sign_off","operator":"1003"}"#,
                Err(Refusal::UnknownOperator),
            ),
            (
                Role::Wallboard,
                r#"{"id":"1","do":"sign_on","operator":"1001"}"#,
                Err(Refusal::NotSignedIn),
            ),
            (
                anne,
                r#"{"id":"1","do":"pause","reason":"training"}"#,
                Ok(Input::Pause {
                    operator: ANNE,
                    reason: training,
                }),
            ),
            (
                anne,
                r#"{"id":"1","do":"pause","reason":"nap"}"#,
                Err(Refusal::UnknownPauseReason),
            ),
            (
                anne,
                r#"{"id":"1","do":"hold","on":true}"#,
                Ok(Input::Hold {
                    operator: ANNE,
                    on: true,
                }),
            ),
            (
                anne,
                r#"{"id":"1","do":"transfer","to":"1002"}"#,
                Ok(Input::Transfer {
                    operator: ANNE,
                    to: BERT,
                }),
            ),
            (
                anne,
                r#"{"id":"1","do":"transfer_outside","number":"+8613900000001"}"#,
                Ok(Input::TransferOutside {
                    operator: ANNE,
                    number: CallerNumber::new("+8613900000001"),
                }),
            ),
            (
                anne,
                r#"{"id":"1","do":"transfer_outside","number":"139;x@evil"}"#,
                Err(Refusal::NotANumber),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"consult_outside","number":"110","operator":"1002"}"#,
                Ok(Input::ConsultOutside {
                    operator: BERT,
                    number: CallerNumber::new("110"),
                }),
            ),
            (
                anne,
                r#"{"id":"1","do":"consult_outside","number":"anne@elsewhere"}"#,
                Err(Refusal::NotANumber),
            ),
            (
                Role::Wallboard,
                r#"{"id":"1","do":"transfer_outside","number":"139","operator":"1001"}"#,
                Err(Refusal::NotSignedIn),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"consult","to":"1001","operator":"1002"}"#,
                Ok(Input::Consult {
                    operator: BERT,
                    to: ANNE,
                }),
            ),
            (
                anne,
                r#"{"id":"1","do":"consult","to":"1003"}"#,
                Err(Refusal::UnknownTarget),
            ),
            (
                anne,
                r#"{"id":"1","do":"complete_transfer","operator":"1002"}"#,
                Err(Refusal::NotSignedIn),
            ),
            (
                Role::Wallboard,
                r#"{"id":"1","do":"hang_up","operator":"1001"}"#,
                Err(Refusal::NotSignedIn),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"set_lines","lines":6,"until":1763906400000}"#,
                Ok(Input::SetLines {
                    lines: 6,
                    until: Timestamp::from_secs(1_763_906_400),
                }),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"follow_schedule"}"#,
                Ok(Input::FollowSchedule),
            ),
        ];
        for (role, text, expected) in table {
            let came = Command::parse(text).and_then(|command| command.action.input(role, &directory()));
            assert_eq!(came, expected, "{role:?} sent {text}");
        }
    }

    #[test]
    fn operators_speak_for_themselves_and_supervisors_for_anybody() {
        let (anne, bert) = (OperatorId(0), OperatorId(1));
        let table = [
            (Role::Operator(anne), None, Ok(anne)),
            (Role::Operator(anne), Some("1001"), Ok(anne)),
            (Role::Operator(anne), Some("1002"), Err(Refusal::NotSignedIn)),
            (Role::Supervisor, Some("1002"), Ok(bert)),
            (Role::Supervisor, Some("1003"), Err(Refusal::UnknownOperator)),
            (Role::Supervisor, None, Err(Refusal::UnknownOperator)),
            (Role::Wallboard, Some("1002"), Err(Refusal::NotSignedIn)),
            (Role::Wallboard, None, Err(Refusal::NotSignedIn)),
        ];
        for (role, named, expected) in table {
            assert_eq!(
                subject(named, role, &directory()),
                expected,
                "{role:?} for {named:?}"
            );
        }
    }

    #[test]
    fn only_supervisors_listen_and_they_say_where() {
        let directory = |phones: &[&str]| Directory {
            supervisors: phones.iter().map(|&phone| phone.to_owned()).collect(),
            ..directory()
        };
        let listen = Some(SupervisorMode::Listen);
        let order = |phone: &str, mode| {
            Ok(Supervise {
                operator: OperatorId(1),
                shown: "1002".into(),
                phone: phone.into(),
                mode,
            })
        };
        for (role, operator, phone, phones, mode, expected) in [
            (
                Role::Supervisor,
                "1002",
                None,
                &["9001"][..],
                listen,
                order("9001", listen),
            ),
            (
                Role::Supervisor,
                "1002",
                Some("9002"),
                &["9001", "9002"],
                listen,
                order("9002", listen),
            ),
            (
                Role::Supervisor,
                "1002",
                None,
                &["9001", "9002"],
                None,
                order("", None),
            ),
            (
                Role::Supervisor,
                "1002",
                None,
                &["9001", "9002"],
                listen,
                Err(Refusal::UnknownPhone),
            ),
            (
                Role::Supervisor,
                "1002",
                Some("1001"),
                &["9001"],
                listen,
                Err(Refusal::UnknownPhone),
            ),
            (
                Role::Supervisor,
                "1002",
                None,
                &[],
                listen,
                Err(Refusal::UnknownPhone),
            ),
            (
                Role::Supervisor,
                "1003",
                None,
                &["9001"],
                listen,
                Err(Refusal::UnknownOperator),
            ),
            (
                Role::Operator(OperatorId(1)),
                "1002",
                None,
                &["9001"],
                listen,
                Err(Refusal::NotSignedIn),
            ),
            (
                Role::Wallboard,
                "1002",
                None,
                &["9001"],
                None,
                Err(Refusal::NotSignedIn),
            ),
        ] {
            let came = supervise(operator, phone, mode, role, &directory(phones));
            assert_eq!(came, expected, "{role:?} {operator} {phone:?} of {phones:?}");
        }
    }

    #[test]
    fn only_a_supervisor_orders_lines() {
        let orders = [
            r#"{"id":"1","do":"set_lines","lines":6,"until":1763906400000}"#,
            r#"{"id":"1","do":"set_lines","lines":-1,"until":0}"#,
            r#"{"id":"1","do":"follow_schedule"}"#,
            r#"{"id":"1","do":"follow_schedule","operator":"1001"}"#,
        ];
        for role in [Role::Wallboard, Role::Operator(OperatorId(0))] {
            for text in orders {
                let came = Command::parse(text).and_then(|command| command.action.input(role, &directory()));
                assert_eq!(came, Err(Refusal::NotSignedIn), "{role:?} sent {text}");
            }
        }
    }

    #[test]
    fn garbage_is_refused() {
        let long = format!(r#"{{"id":"{}","do":"ready"}}"#, "x".repeat(65));
        let table = [
            "",
            "{}",
            "null",
            "[]",
            r#"{"id":1,"do":"ready"}"#,
            r#"{"id":"1","do":"jump"}"#,
            r#"{"id":"1","do":"set_lines","lines":"six","until":1763906400000}"#,
            r#"{"id":"1","do":"set_lines","lines":6.5,"until":1763906400000}"#,
            r#"{"id":"1","do":"set_lines","lines":6}"#,
            r#"{"id":"1","do":"set_lines","until":1763906400000}"#,
            r#"{"id":"1","do":"pause"}"#,
            r#"{"id":"1","do":"record"}"#,
            r#"{"id":"1","do":"explain"}"#,
            r#"{"id":"","do":"ready"}"#,
            &long,
        ];
        for text in table {
            let refusal = Command::parse(text).unwrap_err();
            assert_eq!(refusal.code(), "malformed", "{text}");
        }
    }
}
