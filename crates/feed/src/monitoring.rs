//! What else becomes of a call's sound: whether it is recorded, and which supervisor's phone is at it. Remarks beside the
//! numbered deltas, since the queue knows nothing of it and no journal brings it back.
//!
//! Always holds: whoever may see it has all of it at first, and then each change in order; who reads too slowly for that is
//! told all of it again. Operators learn of recordings alone, and nothing from a silence: of supervisors they are told nothing.

use crate::auth::Role;
use crate::command::SupervisorMode;
use crate::wire::Message;
use acd::CallId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Changes kept for a client that reads slowly; one that misses some is told all again.
const CHANGES_MAX: usize = 256;

/// A supervisor's phone at a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The phone's user name.
    pub phone: String,
    /// How it is connected, or will be.
    pub mode: SupervisorMode,
    /// It still rings: nobody listens yet.
    pub ringing: bool,
}

/// The message's fields.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct MonitoredMessage<'a> {
    /// These are all; left out where they are what has changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    whole: bool,
    calls: Vec<MonitoredCall<'a>>,
}

/// What else becomes of a call's sound; of one that is no longer listed, nothing.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct MonitoredCall<'a> {
    call: u64,
    recorded: bool,
    /// For supervisors: whose phone is at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    listener: Option<ListenerMessage<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct ListenerMessage<'a> {
    phone: &'a str,
    mode: ListenMode,
    /// The phone still rings.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    ringing: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
enum ListenMode {
    Listen,
    Whisper,
    Barge,
}

impl From<SupervisorMode> for ListenMode {
    fn from(mode: SupervisorMode) -> Self {
        match mode {
            SupervisorMode::Listen => Self::Listen,
            SupervisorMode::Whisper => Self::Whisper,
            SupervisorMode::Barge => Self::Barge,
        }
    }
}

/// What else becomes of one call's sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Monitored {
    recorded: bool,
    listener: Option<Listener>,
}

/// One change, as each role may see it.
#[derive(Clone, Debug)]
struct Change {
    supervisors: Utf8Bytes,
    /// Nothing, if it is none of an operator's business.
    operators: Option<Utf8Bytes>,
}

/// Who may see what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Recordings,
    All,
}

/// What is known of all calls, and the way to whoever watches. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Monitoring {
    /// Calls of which there is something to say.
    calls: Arc<Mutex<BTreeMap<CallId, Monitored>>>,
    changes: broadcast::Sender<Change>,
}

impl Monitoring {
    pub(crate) fn new() -> Self {
        Self {
            calls: Arc::default(),
            changes: broadcast::Sender::new(CHANGES_MAX),
        }
    }

    pub(crate) fn is_recorded(&self, call: CallId) -> bool {
        self.calls().get(&call).is_some_and(|known| known.recorded)
    }

    pub(crate) fn recorded(&self, call: CallId, recorded: bool) {
        self.change(call, |known| known.recorded = recorded);
    }

    pub(crate) fn listener(&self, call: CallId, listener: Option<Listener>) {
        self.change(call, |known| known.listener = listener);
    }

    pub(crate) fn ended(&self, call: CallId) {
        self.change(call, |known| *known = Monitored::default());
    }

    fn change(&self, call: CallId, change: impl FnOnce(&mut Monitored)) {
        // Held until it is told, so that nobody is told of changes in another order.
        let mut calls = self.calls();
        let before = calls.get(&call).cloned().unwrap_or_default();
        let mut now = before.clone();
        change(&mut now);
        if now == before {
            return;
        }
        let told = |sight| message(false, [(&call, &now)].into_iter(), sight);
        let change = Change {
            supervisors: told(Sight::All),
            operators: (now.recorded != before.recorded).then(|| told(Sight::Recordings)),
        };
        match now == Monitored::default() {
            true => drop(calls.remove(&call)),
            false => drop(calls.insert(call, now)),
        }
        // An error is that nobody watches.
        let _ = self.changes.send(change);
    }

    fn calls(&self) -> MutexGuard<'_, BTreeMap<CallId, Monitored>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody may see of it: all of it at first, then what changes.
    pub(crate) fn watch(&self, role: Role) -> Watching {
        let sight = match role {
            Role::Wallboard => None,
            Role::Operator(_) => Some(Sight::Recordings),
            Role::Supervisor(_) => Some(Sight::All),
        };
        Watching(sight.map(|sight| Watch {
            monitoring: self.clone(),
            sight,
            changes: None,
            again: false,
        }))
    }
}

/// One client's view.
pub(crate) struct Watching(Option<Watch>);

struct Watch {
    monitoring: Monitoring,
    sight: Sight,
    /// None before all was told.
    changes: Option<broadcast::Receiver<Change>>,
    /// Something was told and is to be replaced.
    again: bool,
}

impl Watching {
    /// The next message; never, for who may not see it or when there will be no more.
    pub(crate) async fn next(&mut self) -> Utf8Bytes {
        match &mut self.0 {
            Some(watch) => watch.next().await,
            None => std::future::pending().await,
        }
    }
}

impl Watch {
    async fn next(&mut self) -> Utf8Bytes {
        loop {
            let Some(changes) = &mut self.changes else {
                if let Some(all) = self.begin() {
                    return all;
                }
                continue;
            };
            let change = match changes.recv().await {
                Ok(change) => change,
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    (self.changes, self.again) = (None, true);
                    continue;
                }
                Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
            };
            let seen = match self.sight {
                Sight::All => Some(change.supervisors),
                Sight::Recordings => change.operators,
            };
            if let Some(seen) = seen {
                return seen;
            }
        }
    }

    /// All that is known, and from here on what changes. Nothing is said of nothing to who was told nothing.
    fn begin(&mut self) -> Option<Utf8Bytes> {
        let calls = self.monitoring.calls();
        self.changes = Some(self.monitoring.changes.subscribe());
        let seen = |(_, known): &(&CallId, &Monitored)| self.sight == Sight::All || known.recorded;
        let mut seen = calls.iter().filter(seen).peekable();
        let worth_saying = self.again || seen.peek().is_some();
        worth_saying.then(|| message(true, seen, self.sight))
    }
}

fn message<'a>(
    whole: bool,
    calls: impl Iterator<Item = (&'a CallId, &'a Monitored)>,
    sight: Sight,
) -> Utf8Bytes {
    let calls = calls.map(|(call, known)| MonitoredCall {
        call: call.0,
        recorded: known.recorded,
        listener: known
            .listener
            .as_ref()
            .filter(|_| sight == Sight::All)
            .map(|listener| ListenerMessage {
                phone: &listener.phone,
                mode: listener.mode.into(),
                ringing: listener.ringing,
            }),
    });
    let calls = calls.collect();
    Message::Monitored(MonitoredMessage { whole, calls }).bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::SupervisorId;
    use expect_test::expect;
    use futures_util::FutureExt;

    const CALL: CallId = CallId(8);
    const CHIEF: Role = Role::Supervisor(SupervisorId(0));
    const OPERATOR: Role = Role::Operator(acd::OperatorId(0));

    fn listener(mode: SupervisorMode) -> Option<Listener> {
        Some(Listener {
            phone: "9001".into(),
            mode,
            ringing: false,
        })
    }

    /// What there is to be told now.
    fn told(watching: &mut Watching) -> String {
        std::iter::from_fn(|| watching.next().now_or_never())
            .map(|text| format!("{text}\n"))
            .collect()
    }

    #[tokio::test]
    async fn supervisors_see_all_of_it_and_operators_recordings_alone() {
        let monitoring = Monitoring::new();
        let mut seen = [CHIEF, OPERATOR, Role::Wallboard].map(|role| monitoring.watch(role));
        assert!(seen.iter_mut().all(|watching| told(watching).is_empty()));
        monitoring.recorded(CALL, true);
        monitoring.recorded(CALL, true);
        monitoring.listener(CALL, listener(SupervisorMode::Listen));
        monitoring.listener(CALL, listener(SupervisorMode::Barge));
        let mut late = monitoring.watch(OPERATOR);
        monitoring.ended(CALL);
        monitoring.ended(CALL);
        let [supervisor, operator, wallboard] = &mut seen;
        expect![[r#"
            {"type":"monitored","calls":[{"call":8,"recorded":true}]}
            {"type":"monitored","calls":[{"call":8,"recorded":true,"listener":{"phone":"9001","mode":"listen"}}]}
            {"type":"monitored","calls":[{"call":8,"recorded":true,"listener":{"phone":"9001","mode":"barge"}}]}
            {"type":"monitored","calls":[{"call":8,"recorded":false}]}
        "#]].assert_eq(&told(supervisor));
        expect![[r#"
            {"type":"monitored","calls":[{"call":8,"recorded":true}]}
            {"type":"monitored","calls":[{"call":8,"recorded":false}]}
        "#]]
        .assert_eq(&told(operator));
        assert_eq!(told(wallboard), "");
        assert_eq!(told(&mut late), "", "it is over before anything was said");
        assert!(!monitoring.is_recorded(CALL) && monitoring.calls().is_empty());
    }

    #[tokio::test]
    async fn who_comes_later_is_told_what_there_is() {
        let monitoring = Monitoring::new();
        monitoring.recorded(CALL, true);
        monitoring.listener(CallId(9), listener(SupervisorMode::Whisper));
        expect![[r#"
            {"type":"monitored","whole":true,"calls":[{"call":8,"recorded":true},{"call":9,"recorded":false,"listener":{"phone":"9001","mode":"whisper"}}]}
        "#]].assert_eq(&told(&mut monitoring.watch(CHIEF)));
        expect![[r#"
            {"type":"monitored","whole":true,"calls":[{"call":8,"recorded":true}]}
        "#]]
        .assert_eq(&told(&mut monitoring.watch(OPERATOR)));
    }

    #[tokio::test]
    async fn who_reads_too_slowly_is_told_all_again() {
        let monitoring = Monitoring::new();
        let mut slow = monitoring.watch(OPERATOR);
        assert_eq!(told(&mut slow), "");
        for n in 0..=CHANGES_MAX as u64 {
            monitoring.recorded(CallId(n), true);
            monitoring.ended(CallId(n));
        }
        monitoring.recorded(CALL, true);
        expect![[r#"
            {"type":"monitored","whole":true,"calls":[{"call":8,"recorded":true}]}
        "#]]
        .assert_eq(&told(&mut slow));
        monitoring.ended(CALL);
        expect![[r#"
            {"type":"monitored","calls":[{"call":8,"recorded":false}]}
        "#]]
        .assert_eq(&told(&mut slow));
    }
}
