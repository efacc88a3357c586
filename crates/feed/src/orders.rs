//! What a supervisor had done, and who that was: a line in the log, and a remark to all supervisors. The queue does not
//! ask who it was, so neither do its inputs and the journal.

use crate::incoming::Action;
use crate::remarks::{Audience, Remarks};
use crate::wire::Message;
use acd::Timestamp;
use serde::Serialize;
use tracing::info;

/// The message's fields.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct OrderedMessage<'a> {
    at: u64,
    supervisor: &'a str,
    r#do: &'a str,
    /// Whose state or call it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    operator: Option<&'a str>,
    /// Of `pause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    reason: Option<&'a str>,
    /// Of `set_lines`, as what follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    lines: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    until: Option<i64>,
}

/// Tells that `supervisor` had `action` done.
pub(crate) fn tell(remarks: &Remarks, at: Timestamp, supervisor: &str, action: &Action) {
    let (operator, word) = (action.operator(), action.name());
    let reason = match action {
        Action::Pause { reason, .. } => Some(reason.as_str()),
        _ => None,
    };
    let (lines, until) = match action {
        Action::SetLines { lines, until } => (Some(*lines), Some(*until)),
        _ => (None, None),
    };
    info!(
        supervisor,
        order = word,
        operator,
        reason,
        lines,
        until,
        "a supervisor's order"
    );
    let message = Message::Ordered(OrderedMessage {
        at: at.as_millis(),
        supervisor,
        r#do: word,
        operator,
        reason,
        lines,
        until,
    });
    remarks.tell(Audience::Supervisors, &message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Role, SupervisorId};
    use crate::incoming::Command;
    use crate::remarks;
    use expect_test::expect;

    #[tokio::test]
    async fn orders_say_who_gave_them() {
        let told = Remarks::new();
        let mut watching = told.subscribe();
        let mut seen = String::new();
        for order in [
            r#"{"id":"1","do":"pause","operator":"1001","reason":"meal"}"#,
            r#"{"id":"1","do":"set_lines","lines":6,"until":1763906400000}"#,
            r#"{"id":"1","do":"whisper","operator":"1002","phone":"9001"}"#,
            r#"{"id":"1","do":"follow_schedule"}"#,
        ] {
            let command = Command::parse(order).unwrap();
            tell(&told, Timestamp::from_secs(9), "anna", &command.action);
            let role = Role::Supervisor(SupervisorId(0));
            seen += remarks::next(&mut watching, role).await.as_str();
            seen += "\n";
        }
        expect![[r#"
            {"type":"ordered","at":9000,"supervisor":"anna","do":"pause","operator":"1001","reason":"meal"}
            {"type":"ordered","at":9000,"supervisor":"anna","do":"set_lines","lines":6,"until":1763906400000}
            {"type":"ordered","at":9000,"supervisor":"anna","do":"whisper","operator":"1002"}
            {"type":"ordered","at":9000,"supervisor":"anna","do":"follow_schedule"}
        "#]]
        .assert_eq(&seen);
    }
}
