//! Who is at the other end: roles, sign-in, and the brakes on guessing.

use crate::command::Refusal;
use crate::config::{Directory, Limits, Secret};
use acd::OperatorId;
use dashmap::DashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Addresses whose wrong secrets are remembered; beyond that only the delay brakes.
const ADDRESSES_MAX: usize = 4096;

/// How long wrong secrets are remembered.
const WINDOW: Duration = Duration::from_secs(60);

/// What a client may see and do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// Nothing yet: has to sign in.
    Guest,
    /// Everything but callers' numbers; no commands.
    Wallboard,
    /// Everything; commands for oneself.
    Operator(OperatorId),
    /// Everything; commands for any operator, and for the lines in force.
    Supervisor,
}

impl Role {
    pub(crate) const NAMES: [&'static str; 4] = ["guest", "wallboard", "operator", "supervisor"];

    /// The word on the wire and in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Role::Guest => Self::NAMES[0],
            Role::Wallboard => Self::NAMES[1],
            Role::Operator(_) => Self::NAMES[2],
            Role::Supervisor => Self::NAMES[3],
        }
    }

    pub(crate) const fn may_watch(self) -> bool {
        !matches!(self, Role::Guest)
    }

    pub(crate) const fn sees_numbers(self) -> bool {
        matches!(self, Role::Operator(_) | Role::Supervisor)
    }
}

/// Secrets, sessions and wrong guesses.
pub(crate) struct Auth {
    directory: Arc<Directory>,
    supervisor: Option<Secret>,
    wrong: DashMap<IpAddr, Wrong>,
    wrong_max: u32,
    sessions: DashMap<OperatorId, Session>,
    next_session: AtomicU64,
}

struct Wrong {
    since: Instant,
    count: u32,
}

struct Session {
    number: u64,
    replaced: Arc<Notify>,
}

/// An operator's one session: told when another takes its place, forgotten when dropped.
pub(crate) struct Seat {
    auth: Arc<Auth>,
    operator: OperatorId,
    number: u64,
    replaced: Arc<Notify>,
}

impl Seat {
    /// Returns when the same operator has signed in elsewhere.
    pub(crate) async fn replaced(&self) {
        self.replaced.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.auth
            .sessions
            .remove_if(&self.operator, |_, session| session.number == self.number);
    }
}

impl Auth {
    pub(crate) fn new(directory: Arc<Directory>, supervisor: Option<Secret>, limits: &Limits) -> Self {
        Self {
            directory,
            supervisor,
            wrong: DashMap::new(),
            wrong_max: limits.wrong_secrets_per_minute,
            sessions: DashMap::new(),
            next_session: AtomicU64::new(1),
        }
    }

    /// Who `name` and `secret` make of somebody at `from`. Takes as long for an unknown name as for a known one.
    ///
    /// # Errors
    /// Wrong, or too many wrong ones from there; which of name and secret was wrong is not told.
    pub(crate) fn sign_in(&self, who: Claim<'_>, secret: &str, from: IpAddr) -> Result<Role, Refusal> {
        let from = network_of(from);
        if self.blocked(from) {
            return Err(Refusal::TooManyAttempts);
        }
        let nobody = Secret::default();
        let (role, expected) = match who {
            Claim::Supervisor => (Some(Role::Supervisor), self.supervisor.as_ref()),
            Claim::Operator(name) => {
                let found = self
                    .directory
                    .operators
                    .iter()
                    .position(|account| account.name == name);
                let index = found.and_then(|index| u32::try_from(index).ok());
                let account = found.and_then(|index| self.directory.operators.get(index));
                (
                    index.map(|index| Role::Operator(OperatorId(index))),
                    account.map(|account| &account.secret),
                )
            }
        };
        let right = expected.unwrap_or(&nobody).matches(secret);
        match role {
            Some(role) if right => Ok(role),
            _ => {
                self.count_wrong(from);
                Err(Refusal::WrongSecret)
            }
        }
    }

    /// Gives an operator a session, and tells the one before, if any, that it is over.
    pub(crate) fn seat(self: &Arc<Self>, operator: OperatorId) -> Seat {
        let number = self.next_session.fetch_add(1, Ordering::Relaxed);
        let replaced = Arc::new(Notify::new());
        let before = self.sessions.insert(
            operator,
            Session {
                number,
                replaced: replaced.clone(),
            },
        );
        if let Some(before) = before {
            before.replaced.notify_one();
        }
        Seat {
            auth: self.clone(),
            operator,
            number,
            replaced,
        }
    }

    fn blocked(&self, from: IpAddr) -> bool {
        self.wrong
            .get(&from)
            .is_some_and(|wrong| wrong.since.elapsed() < WINDOW && wrong.count >= self.wrong_max)
    }

    fn count_wrong(&self, from: IpAddr) {
        if self.wrong.len() >= ADDRESSES_MAX {
            self.wrong.retain(|_, wrong| wrong.since.elapsed() < WINDOW);
            if self.wrong.len() >= ADDRESSES_MAX && !self.wrong.contains_key(&from) {
                return;
            }
        }
        let mut wrong = self.wrong.entry(from).or_insert_with(|| Wrong {
            since: Instant::now(),
            count: 0,
        });
        if wrong.since.elapsed() >= WINDOW {
            *wrong = Wrong {
                since: Instant::now(),
                count: 0,
            };
        }
        wrong.count = wrong.count.saturating_add(1);
    }
}

/// Who somebody claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim<'a> {
    Operator(&'a str),
    Supervisor,
}

/// What counts as one address: a single IPv6 host has a whole /64 to guess from.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Account;

    fn auth() -> Arc<Auth> {
        let account = |name: &str, secret: &str| Account {
            name: name.into(),
            secret: Secret::new(secret),
        };
        let operators = vec![account("1001", "ocean"), account("1002", "")];
        let directory = Arc::new(Directory {
            operators,
            ..Directory::default()
        });
        Arc::new(Auth::new(
            directory,
            Some(Secret::new("lighthouse")),
            &Limits::default(),
        ))
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn names_and_secrets() {
        let auth = auth();
        let table = [
            (
                Claim::Operator("1001"),
                "ocean",
                Ok(Role::Operator(OperatorId(0))),
            ),
            (Claim::Operator("1001"), "Ocean", Err(Refusal::WrongSecret)),
            (Claim::Operator("1001"), "", Err(Refusal::WrongSecret)),
            (Claim::Operator("1002"), "", Err(Refusal::WrongSecret)),
            (Claim::Operator("1003"), "ocean", Err(Refusal::WrongSecret)),
            (Claim::Operator("1003"), "", Err(Refusal::WrongSecret)),
            (Claim::Supervisor, "lighthouse", Ok(Role::Supervisor)),
            (Claim::Supervisor, "ocean", Err(Refusal::WrongSecret)),
        ];
        for (claim, secret, expected) in table {
            assert_eq!(
                auth.sign_in(claim, secret, HERE),
                expected,
                "{claim:?} with {secret:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn guessing_is_braked_by_address() {
        let auth = auth();
        let guess = |from| auth.sign_in(Claim::Supervisor, "guess", from);
        for _ in 0..10 {
            assert_eq!(guess(HERE), Err(Refusal::WrongSecret));
        }
        assert_eq!(guess(HERE), Err(Refusal::TooManyAttempts));
        assert_eq!(
            auth.sign_in(Claim::Supervisor, "lighthouse", HERE),
            Err(Refusal::TooManyAttempts)
        );
        let elsewhere = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(
            auth.sign_in(Claim::Supervisor, "lighthouse", elsewhere),
            Ok(Role::Supervisor)
        );
        tokio::time::advance(WINDOW).await;
        assert_eq!(
            auth.sign_in(Claim::Supervisor, "lighthouse", HERE),
            Ok(Role::Supervisor)
        );
    }

    #[tokio::test]
    async fn one_session_an_operator() {
        let auth = auth();
        let first = auth.seat(OperatorId(0));
        let second = auth.seat(OperatorId(0));
        first.replaced().await;
        drop(first);
        let _third = auth.seat(OperatorId(0));
        second.replaced().await;
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let parse = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::ffff:2"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:192.0.2.7"), parse("192.0.2.7"));
    }
}
