//! Who is at the other end: roles, and whether a secret is right.

use crate::brakes::Brakes;
use crate::command::Refusal;
use crate::config::{Directory, Limits};
use crate::secret::Secret;
use acd::OperatorId;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Hashes computed at once. Each keeps a core busy for tens of milliseconds, which calls need more than sign-ins do.
const HASHES_AT_ONCE: usize = 1;

/// Sign-ins that wait for it or are under way; one more is refused.
const HASHES_WAITING_MAX: usize = 32;

/// What a client may see and do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// Everything but callers' numbers; no commands.
    Wallboard,
    /// Everything; commands for oneself.
    Operator(OperatorId),
    /// Everything; commands for any operator, and for the lines in force.
    Supervisor(SupervisorId),
}

/// Index of a supervisor in [`Directory::supervisors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SupervisorId(pub(crate) u32);

impl Role {
    pub(crate) const NAMES: [&'static str; 3] = ["wallboard", "operator", "supervisor"];

    /// The word in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Role::Wallboard => Self::NAMES[0],
            Role::Operator(_) => Self::NAMES[1],
            Role::Supervisor(_) => Self::NAMES[2],
        }
    }

    pub(crate) const fn sees_numbers(self) -> bool {
        matches!(self, Role::Operator(_) | Role::Supervisor(_))
    }
}

/// Accounts and their secrets.
pub(crate) struct Auth {
    directory: Arc<Directory>,
    /// Looked at in place of the secret of an unknown name, so that the time tells nothing.
    decoy: Secret,
    brakes: Brakes,
    waiting: Semaphore,
    hashing: Arc<Semaphore>,
}

impl Auth {
    pub(crate) fn new(directory: Arc<Directory>, limits: &Limits) -> Self {
        let decoy = directory
            .accounts()
            .map(|(_, account)| &account.secret)
            .find(|secret| secret.is_hashed())
            .cloned();
        Self {
            directory,
            decoy: decoy.unwrap_or_default(),
            brakes: Brakes::new(limits),
            waiting: Semaphore::new(HASHES_WAITING_MAX),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
        }
    }

    /// Who `name` and `secret` make of somebody at `from`.
    ///
    /// # Errors
    /// Wrong, and it is not told which of name and secret; too many wrong ones from there; or too many sign-ins at once.
    pub(crate) async fn sign_in(&self, name: &str, secret: &str, from: IpAddr) -> Result<Role, Refusal> {
        if !self.brakes.attempt(from) {
            return Err(Refusal::TooManyAttempts);
        }
        let account = self
            .directory
            .accounts()
            .find(|(_, account)| account.name == name);
        let expected = account.map_or(&self.decoy, |(_, account)| &account.secret);
        let answer = match (account, self.matches(expected, secret).await) {
            (_, Err(refusal)) => Err(refusal),
            (Some((role, _)), Ok(true)) => Ok(role),
            (_, Ok(_)) => Err(Refusal::WrongSecret),
        };
        if answer != Err(Refusal::WrongSecret) {
            self.brakes.forgive(from);
        }
        answer
    }

    /// Compares off the threads that serve connections, a few at a time.
    async fn matches(&self, expected: &Secret, typed: &str) -> Result<bool, Refusal> {
        if !expected.is_hashed() {
            return Ok(expected.matches(typed));
        }
        let _place = self.waiting.try_acquire().map_err(|_| Refusal::Overloaded)?;
        let turn = self.hashing.clone().acquire_owned().await;
        let (expected, typed) = (expected.clone(), typed.to_owned());
        let compare = move || {
            // Held here, since whoever asked may give up while the hash is still computed.
            let _turn = turn;
            expected.matches(&typed)
        };
        spawn_blocking(compare).await.map_err(|_| Refusal::Overloaded)
    }
}
