//! What comes in: a client's message, made into something that can be done.

use crate::auth::{Claim, Role};
use crate::command::Refusal;
use crate::config::Directory;
use crate::lines;
use acd::{CallId, Input, OperatorId, PauseReason};
use serde::Deserialize;

/// The longest id of a command, in bytes.
const ID_BYTES_MAX: usize = 64;

/// A client's message. Fields it does not know are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct Incoming {
    pub(crate) id: String,
    #[serde(rename = "do")]
    pub(crate) what: What,
    /// For `sign_in`: whom as.
    role: Option<ClaimedRole>,
    /// For `sign_in` as operator.
    name: Option<String>,
    /// For `sign_in`.
    secret: Option<String>,
    /// For `pause`.
    reason: Option<String>,
    /// Whom a supervisor's command is for.
    operator: Option<String>,
    /// For `explain`.
    pub(crate) call: Option<u64>,
    /// For `record`.
    on: Option<bool>,
    /// For `set_lines`.
    lines: Option<i64>,
    /// For `set_lines`: milliseconds since the Unix epoch.
    until: Option<i64>,
}

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    SignIn,
    SignOn,
    Ready,
    Pause,
    SignOff,
    ExtendWrapUp,
    SetLines,
    FollowSchedule,
    Explain,
    Record,
}

impl What {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            What::SignIn => "sign_in",
            What::SignOn => "sign_on",
            What::Ready => "ready",
            What::Pause => "pause",
            What::SignOff => "sign_off",
            What::ExtendWrapUp => "extend_wrap_up",
            What::SetLines => "set_lines",
            What::FollowSchedule => "follow_schedule",
            What::Explain => "explain",
            What::Record => "record",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClaimedRole {
    Operator,
    Supervisor,
}

impl Incoming {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], saying where.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let incoming: Self =
            serde_json::from_str(text).map_err(|error| Refusal::Malformed(error.to_string()))?;
        if incoming.id.is_empty() || incoming.id.len() > ID_BYTES_MAX {
            return Err(Refusal::Malformed(format!(
                "`id` must be 1 to {ID_BYTES_MAX} bytes long"
            )));
        }
        Ok(incoming)
    }

    /// Who a `sign_in` claims to be, and the secret.
    ///
    /// # Errors
    /// [`Refusal::Malformed`]: a field is missing.
    pub(crate) fn claim(&self) -> Result<(Claim<'_>, &str), Refusal> {
        let secret = self.secret.as_deref().ok_or_else(|| missing("secret"))?;
        match self.role.unwrap_or(ClaimedRole::Operator) {
            ClaimedRole::Supervisor => Ok((Claim::Supervisor, secret)),
            ClaimedRole::Operator => {
                let name = self.name.as_deref().ok_or_else(|| missing("name"))?;
                Ok((Claim::Operator(name), secret))
            }
        }
    }

    /// The input a command of somebody with `role` comes to.
    ///
    /// # Errors
    /// The role may not, a name is unknown, or a number is out of range.
    pub(crate) fn input(&self, role: Role, directory: &Directory) -> Result<Input, Refusal> {
        let operator = || self.subject(role, directory);
        match self.what {
            What::SignIn | What::Explain | What::Record => Err(Refusal::Malformed(format!(
                "`{}` asks nothing of the queue",
                self.what.name()
            ))),
            What::SignOn => operator().map(|operator| Input::SignOn { operator }),
            What::SignOff => operator().map(|operator| Input::SignOff { operator }),
            What::Ready => operator().map(|operator| Input::Ready { operator }),
            What::ExtendWrapUp => operator().map(|operator| Input::ExtendWrapUp { operator }),
            What::Pause => {
                let operator = operator()?;
                let reason = self.pause_reason(directory)?;
                Ok(Input::Pause { operator, reason })
            }
            What::SetLines | What::FollowSchedule if role != Role::Supervisor => Err(Refusal::NotSignedIn),
            What::SetLines => {
                let lines = self.lines.ok_or_else(|| missing("lines"))?;
                let until = self.until.ok_or_else(|| missing("until"))?;
                lines::order(lines, until)
            }
            What::FollowSchedule => Ok(Input::FollowSchedule),
        }
    }

    /// The call that an `explain` is about.
    ///
    /// # Errors
    /// [`Refusal::Malformed`]: it is missing.
    pub(crate) fn explained(&self) -> Result<CallId, Refusal> {
        self.call.map(CallId).ok_or_else(|| missing("call"))
    }

    /// Whose call a `record` is about, and whether it is to be recorded.
    ///
    /// # Errors
    /// The role may not, the name is unknown, or `on` is missing.
    pub(crate) fn recording(&self, role: Role, directory: &Directory) -> Result<(OperatorId, bool), Refusal> {
        let operator = self.subject(role, directory)?;
        Ok((operator, self.on.ok_or_else(|| missing("on"))?))
    }

    fn pause_reason(&self, directory: &Directory) -> Result<PauseReason, Refusal> {
        let reason = self.reason.as_deref().ok_or_else(|| missing("reason"))?;
        let index = directory.pause_reasons.iter().position(|known| known == reason);
        let index = index.and_then(|index| u16::try_from(index).ok());
        Ok(PauseReason::Chosen(index.ok_or(Refusal::UnknownPauseReason)?))
    }

    /// Whom the command is for: operators speak for themselves only.
    fn subject(&self, role: Role, directory: &Directory) -> Result<OperatorId, Refusal> {
        let named = match &self.operator {
            None => None,
            Some(name) => {
                let index = directory
                    .operators
                    .iter()
                    .position(|account| account.name == *name);
                Some(index.and_then(|index| u32::try_from(index).ok()).map(OperatorId))
            }
        };
        match (role, named) {
            (Role::Operator(own), None) => Ok(own),
            (Role::Operator(own), Some(Some(named))) if named == own => Ok(own),
            (Role::Supervisor, Some(Some(named))) => Ok(named),
            (Role::Supervisor, _) => Err(Refusal::UnknownOperator),
            _ => Err(Refusal::NotSignedIn),
        }
    }
}

fn missing(field: &str) -> Refusal {
    Refusal::Malformed(format!("`{field}` is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Account, Secret};
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
                Role::Guest,
                r#"{"id":"1","do":"sign_on"}"#,
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
            (anne, r#"{"id":"1","do":"pause"}"#, Err(missing("reason"))),
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
                r#"{"id":"1","do":"set_lines","lines":6}"#,
                Err(missing("until")),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"set_lines","until":1763906400000}"#,
                Err(missing("lines")),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"follow_schedule"}"#,
                Ok(Input::FollowSchedule),
            ),
        ];
        for (role, text, expected) in table {
            let came = Incoming::parse(text).and_then(|incoming| incoming.input(role, &directory()));
            assert_eq!(came, expected, "{role:?} sent {text}");
        }
    }

    #[test]
    fn operators_record_their_own_calls_and_supervisors_anybodys() {
        let (anne, bert) = (OperatorId(0), OperatorId(1));
        for (role, text, expected) in [
            (
                Role::Operator(anne),
                r#"{"id":"1","do":"record","on":true}"#,
                Ok((anne, true)),
            ),
            (
                Role::Operator(anne),
                r#"{"id":"1","do":"record","on":false,"operator":"1001"}"#,
                Ok((anne, false)),
            ),
            (
                Role::Operator(anne),
                r#"{"id":"1","do":"record","on":true,"operator":"1002"}"#,
                Err(Refusal::NotSignedIn),
            ),
            (
                Role::Operator(anne),
                r#"{"id":"1","do":"record"}"#,
                Err(missing("on")),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"record","on":true,"operator":"1002"}"#,
                Ok((bert, true)),
            ),
            (
                Role::Supervisor,
                r#"{"id":"1","do":"record","on":true}"#,
                Err(Refusal::UnknownOperator),
            ),
            (
                Role::Wallboard,
                r#"{"id":"1","do":"record","on":true,"operator":"1002"}"#,
                Err(Refusal::NotSignedIn),
            ),
            (
                Role::Guest,
                r#"{"id":"1","do":"record","on":true}"#,
                Err(Refusal::NotSignedIn),
            ),
        ] {
            let came = Incoming::parse(text).and_then(|incoming| incoming.recording(role, &directory()));
            assert_eq!(came, expected, "{role:?} sent {text}");
        }
    }

    #[test]
    fn only_a_supervisor_orders_lines() {
        let orders = [
            r#"{"id":"1","do":"set_lines","lines":6,"until":1763906400000}"#,
            r#"{"id":"1","do":"set_lines","lines":-1}"#,
            r#"{"id":"1","do":"follow_schedule"}"#,
            r#"{"id":"1","do":"follow_schedule","operator":"1001"}"#,
        ];
        for role in [Role::Guest, Role::Wallboard, Role::Operator(OperatorId(0))] {
            for text in orders {
                let came = Incoming::parse(text).and_then(|incoming| incoming.input(role, &directory()));
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
            r#"{"id":"","do":"ready"}"#,
            &long,
        ];
        for text in table {
            let refusal = Incoming::parse(text).map(|incoming| incoming.what).unwrap_err();
            assert_eq!(refusal.code(), "malformed", "{text}");
        }
    }
}
