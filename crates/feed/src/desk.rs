//! What consoles ask of the records: forms to be kept, a caller's history, who is still to be called back, the day so far.

use crate::auth::Role;
use crate::command::Refusal;
use crate::config::Directory;
use crate::incoming::{self, Action};
use crate::session::{Answer, Shared};
use crate::wire::{Message, MissedMessage};
use acd::CallId;
use records::{Form, Missed, Records};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::info;

/// The longest text of a form, in characters.
pub(crate) const TEXT_MAX: usize = 2_000;

/// The longest number that a caller can have, in bytes.
const CALLER_BYTES_MAX: usize = acd::CallerNumber::LEN_MAX;

/// Carries out what `action`, asked by somebody with `role`, asks of the records. None: it asks nothing of them.
pub(crate) async fn ask(shared: &Shared, role: Role, action: &Action) -> Option<Result<Answer, Refusal>> {
    if !matches!(
        action,
        Action::SaveForm { .. } | Action::History { .. } | Action::Reached { .. } | Action::Day
    ) {
        return None;
    }
    let answer = match &shared.records {
        Some(records) => {
            timeout(
                shared.limits.engine_timeout,
                carry_out(shared, records, role, action),
            )
            .await
        }
        None => return Some(Err(Refusal::RecordsUnavailable)),
    };
    Some(answer.unwrap_or(Err(Refusal::NoAnswer)))
}

async fn carry_out(
    shared: &Shared,
    records: &Records,
    role: Role,
    action: &Action,
) -> Result<Answer, Refusal> {
    match action {
        Action::SaveForm {
            operator,
            call,
            outcome,
            categories,
            text,
        } => {
            let operator = incoming::subject(operator.as_deref(), role, &shared.directory)?;
            let form = Form {
                outcome: outcome.clone(),
                categories: categories.clone(),
                text: text.clone(),
            };
            check(&form, &shared.directory)?;
            let operator = shared.directory.operator(operator);
            records.save(CallId(*call), operator, form).await?;
            Ok(Answer::Done)
        }
        Action::History { .. } | Action::Reached { .. } if !role.sees_numbers() => Err(Refusal::NotSignedIn),
        Action::History { call } => Ok(Answer::History(records.history(CallId(*call)).await?)),
        Action::Reached { caller } => {
            if caller.is_empty() || caller.len() > CALLER_BYTES_MAX {
                return Err(Refusal::Malformed(format!(
                    "`caller` must be 1 to {CALLER_BYTES_MAX} bytes long"
                )));
            }
            let by = shared.name(role);
            info!(by, caller = %acd::CallerNumber::new(caller), "a caller was called back");
            records.reached(caller, by).await?;
            Ok(Answer::Done)
        }
        _ => Ok(Answer::Day(records.day().await?)),
    }
}

/// Whether a form says only what there is to be said.
fn check(form: &Form, directory: &Directory) -> Result<(), Refusal> {
    if let Some(outcome) = &form.outcome
        && !directory.outcomes.contains(outcome)
    {
        return Err(Refusal::UnknownOutcome);
    }
    let known = |category| directory.categories.contains(category);
    if !form.categories.iter().all(known) || form.categories.len() > directory.categories.len() {
        return Err(Refusal::UnknownCategory);
    }
    if form.text.chars().count() > TEXT_MAX {
        return Err(Refusal::TextTooLong);
    }
    Ok(())
}

impl From<records::Refused> for Refusal {
    fn from(refused: records::Refused) -> Self {
        match refused {
            records::Refused::Unavailable => Self::RecordsUnavailable,
            records::Refused::Busy => Self::Overloaded,
            records::Refused::NotTheirCall => Self::NotTheirCall,
            records::Refused::UnknownCall => Self::UnknownCall,
        }
    }
}

/// The list of who is still to be called back, for those who may see it.
pub(crate) struct MissedList(Option<watch::Receiver<Arc<Missed>>>);

impl MissedList {
    /// Tells what there is at once, and then what changes.
    pub(crate) fn of(records: Option<&Records>, role: Role) -> Self {
        let mut list = records
            .filter(|_| matches!(role, Role::Supervisor(_)))
            .map(Records::missed);
        if let Some(list) = &mut list {
            list.mark_changed();
        }
        Self(list)
    }

    /// The next list, when it has changed; never, for who may not see it.
    pub(crate) async fn next(&mut self) -> Utf8Bytes {
        let Some(list) = &mut self.0 else {
            return std::future::pending().await;
        };
        if list.changed().await.is_err() {
            // The engine stops.
            return std::future::pending().await;
        }
        let missed = list.borrow_and_update().clone();
        Message::Missed(MissedMessage::from(&*missed)).bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_only_what_the_configuration_has() {
        let directory = Directory {
            outcomes: vec!["resolved".into(), "assigned".into()],
            categories: vec!["noise".into(), "water".into()],
            ..Directory::default()
        };
        let form = |outcome: Option<&str>, categories: &[&str], text: String| Form {
            outcome: outcome.map(str::to_owned),
            categories: categories.iter().map(|&category| category.to_owned()).collect(),
            text,
        };
        let table = [
            (form(None, &[], String::new()), Ok(())),
            (
                form(Some("assigned"), &["water", "noise"], "水".repeat(TEXT_MAX)),
                Ok(()),
            ),
            (
                form(Some("solved"), &[], String::new()),
                Err(Refusal::UnknownOutcome),
            ),
            (
                form(None, &["noise", "dogs"], String::new()),
                Err(Refusal::UnknownCategory),
            ),
            (
                form(None, &["noise", "noise", "noise"], String::new()),
                Err(Refusal::UnknownCategory),
            ),
            (
                form(None, &[], "水".repeat(TEXT_MAX + 1)),
                Err(Refusal::TextTooLong),
            ),
        ];
        for (form, expected) in table {
            assert_eq!(check(&form, &directory), expected, "{:?}", form.categories);
        }
    }
}
