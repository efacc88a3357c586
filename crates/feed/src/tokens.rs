//! Who has signed in: tokens that live for a short time unless renewed.
//!
//! Always holds: a token is 256 random bits, drawn anew at every sign-in whatever the client brought along, and only
//! its SHA-256 is kept, in memory or in the journal; an operator has one session, the latest; a session that is over
//! never comes back. Sessions outlive the process, so that a restart signs nobody out.

use crate::auth::Role;
use crate::memory::Notebook;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Sessions known at once, those that are over but could still be asked for included. Beyond it the one that would end
/// first is forgotten, over ones before others.
const SESSIONS_MAX: usize = 1024;

/// A session with more than this share of its lifetime left is not renewed: each renewal is written down.
const FRESH: f64 = 0.9;

/// A token's SHA-256.
pub(crate) type Key = [u8; 32];

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Nobody renewed it.
    Expired,
    /// The same operator signed in elsewhere.
    Replaced,
    /// Signed out; or such a token was never given.
    Unknown,
}

impl Over {
    /// The word a program goes by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Unknown => "not_signed_in",
        }
    }

    /// What to do about it.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Expired => "the session was not renewed in time; sign in again",
            Self::Replaced => "this operator signed in elsewhere; sign in again to take over",
            Self::Unknown => "there is no such session; sign in",
        }
    }
}

/// All sessions.
pub(crate) struct Tokens {
    lifetime: Duration,
    memory: Notebook,
    sessions: Mutex<BTreeMap<Key, Session>>,
}

struct Session {
    who: Role,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    ends: Instant,
    over: Option<Over>,
}

impl State {
    fn over(self) -> Option<Over> {
        let expired = self.ends <= Instant::now();
        self.over.or(expired.then_some(Over::Expired))
    }
}

/// A session under way: whose it is, and a way to learn when it is over.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) key: Key,
    pub(crate) who: Role,
    state: watch::Receiver<State>,
}

impl Pass {
    /// How long it still lasts if it is not renewed.
    pub(crate) fn left(&self) -> Duration {
        self.state.borrow().ends.saturating_duration_since(Instant::now())
    }

    /// Returns when the session is over, and why it is.
    pub(crate) async fn over(&mut self) -> Over {
        loop {
            let state = *self.state.borrow_and_update();
            if let Some(over) = state.over() {
                return over;
            }
            tokio::select! {
                () = sleep_until(state.ends) => {}
                changed = self.state.changed() => if changed.is_err() { return Over::Unknown },
            }
        }
    }
}

impl Tokens {
    /// The sessions that the last run left behind, as far as they go on: see [`Notebook`].
    pub(crate) fn new(lifetime: Duration, memory: Notebook, kept: Vec<(Key, Role, Duration)>) -> Self {
        let now = Instant::now();
        let session = |(key, who, left)| {
            let state = State {
                ends: now + left,
                over: None,
            };
            (
                key,
                Session {
                    who,
                    state: watch::Sender::new(state),
                },
            )
        };
        Self {
            lifetime,
            memory,
            sessions: Mutex::new(kept.into_iter().map(session).collect()),
        }
    }

    /// Begins a session and returns its token, the only time that it is seen. An operator's session before is over.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn issue(&self, who: Role) -> Result<(String, Pass), getrandom::Error> {
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        let token = BASE64_URL_SAFE_NO_PAD.encode(random);
        let key = key_of(&token);
        let state = watch::Sender::new(State {
            ends: Instant::now() + self.lifetime,
            over: None,
        });
        let pass = Pass {
            key,
            who,
            state: state.subscribe(),
        };
        let mut sessions = self.lock();
        if let Role::Operator(_) = who {
            for (key, session) in sessions.iter().filter(|(_, session)| session.who == who) {
                self.end(key, session, Over::Replaced);
            }
        }
        self.make_room(&mut sessions);
        self.memory.keep(&key, who, self.lifetime);
        sessions.insert(key, Session { who, state });
        Ok((token, pass))
    }

    /// Whose session `token` is.
    ///
    /// # Errors
    /// Why it is nobody's.
    pub(crate) fn find(&self, token: &str) -> Result<Pass, Over> {
        let key = key_of(token);
        let sessions = self.lock();
        let session = sessions.get(&key).ok_or(Over::Unknown)?;
        let state = session.state.subscribe();
        let over = state.borrow().over();
        over.map_or(
            Ok(Pass {
                key,
                who: session.who,
                state,
            }),
            Err,
        )
    }

    /// Lets a session last for a whole lifetime from now. Returns how long it lasts; none if it is over.
    pub(crate) fn renew(&self, key: &Key) -> Option<Duration> {
        let sessions = self.lock();
        let session = sessions.get(key)?;
        let (now, state) = (Instant::now(), *session.state.borrow());
        if state.over().is_some() {
            return None;
        }
        let left = state.ends - now;
        if left > self.lifetime.mul_f64(FRESH) {
            return Some(left);
        }
        session
            .state
            .send_modify(|state| state.ends = now + self.lifetime);
        self.memory.keep(key, session.who, self.lifetime);
        Some(self.lifetime)
    }

    /// Ends a session.
    pub(crate) fn revoke(&self, key: &Key) {
        if let Some(session) = self.lock().get(key) {
            self.end(key, session, Over::Unknown);
        }
    }

    fn end(&self, key: &Key, session: &Session, why: Over) {
        let ended = session.state.send_if_modified(|state| {
            let goes_on = state.over().is_none();
            if goes_on {
                state.over = Some(why);
            }
            goes_on
        });
        if ended {
            self.memory.forget(key);
        }
    }

    /// Forgets sessions that nobody asks for any more, and others until one more may come.
    fn make_room(&self, sessions: &mut BTreeMap<Key, Session>) {
        let now = Instant::now();
        sessions.retain(|key, session| {
            let long_over = session.state.borrow().ends + self.lifetime <= now;
            if long_over {
                self.memory.forget(key);
            }
            !long_over
        });
        while sessions.len() >= SESSIONS_MAX {
            let first_to_end = |(_, session): &(&Key, &Session)| {
                let state = *session.state.borrow();
                (state.over().is_none(), state.ends)
            };
            let Some(key) = sessions.iter().min_by_key(first_to_end).map(|(key, _)| *key) else {
                return;
            };
            self.memory.forget(&key);
            sessions.remove(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(token: &str) -> Key {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::SupervisorId;
    use crate::config::Directory;
    use acd::OperatorId;
    use std::sync::Arc;
    use tokio::time::advance;

    const HOUR: Duration = Duration::from_secs(3600);
    const ANNE: Role = Role::Operator(OperatorId(0));
    const CHIEF: Role = Role::Supervisor(SupervisorId(0));

    fn tokens() -> Tokens {
        let notebook = Notebook::new(Arc::new(Directory::default()), None);
        Tokens::new(HOUR, notebook, Vec::new())
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lasts_as_long_as_it_is_renewed() {
        let tokens = tokens();
        let (token, mut pass) = tokens.issue(ANNE).unwrap();
        for _ in 0..5 {
            advance(HOUR / 2).await;
            assert_eq!(tokens.renew(&pass.key), Some(HOUR));
        }
        assert_eq!(pass.left(), HOUR);
        assert_eq!(tokens.renew(&pass.key), Some(HOUR));
        advance(HOUR / 100).await;
        assert_eq!(tokens.renew(&pass.key), Some(HOUR - HOUR / 100), "fresh enough");
        advance(HOUR).await;
        assert_eq!(pass.over().await, Over::Expired);
        assert_eq!(tokens.find(&token).map(drop), Err(Over::Expired));
        assert_eq!(tokens.renew(&pass.key), None, "and never comes back");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_the_end_is_told_of_it() {
        let tokens = tokens();
        let (_, mut first) = tokens.issue(ANNE).unwrap();
        let (_, mut other) = tokens.issue(CHIEF).unwrap();
        let (_, mut second) = tokens.issue(ANNE).unwrap();
        assert_eq!(first.over().await, Over::Replaced);
        tokens.revoke(&second.key);
        assert_eq!(second.over().await, Over::Unknown);
        assert_eq!(first.over().await, Over::Replaced, "still");
        assert_eq!(other.over().await, Over::Expired, "and not before its time");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_those_that_are_over_go_first() {
        let tokens = tokens();
        let (kept, _) = tokens.issue(CHIEF).unwrap();
        for _ in 0..SESSIONS_MAX + 16 {
            tokens.issue(ANNE).unwrap();
        }
        assert_eq!(tokens.lock().len(), SESSIONS_MAX);
        assert!(tokens.find(&kept).is_ok());
        advance(2 * HOUR).await;
        tokens.issue(ANNE).unwrap();
        assert_eq!(tokens.lock().len(), 1, "what ended long ago is forgotten");
    }
}
