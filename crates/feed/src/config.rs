//! What the feed is told once: where to listen, who is who, and its limits.

use crate::auth::{Role, SupervisorId};
use crate::memory::Memory;
use crate::mount::Mount;
use crate::secret::Secret;
use crate::tls::TlsFiles;
use acd::{OperatorId, Timestamp};
use records::Records;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The engine's clock: every time on the wire is read from it, so that a console counts as the engine does.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything the HTTP edge needs to know. See `docs/feed.md` for what each role may do.
pub struct FeedConfig {
    /// Address and port of the page, the metrics and the feed.
    pub listen: SocketAddr,
    /// Where the certificate is; none: everything goes in the clear.
    pub tls: Option<TlsFiles>,
    /// Names in place of the core's indexes, and everybody's secrets.
    pub directory: Directory,
    /// The engine's clock.
    pub clock: Clock,
    /// How many seconds of the engine's clock pass in one real second; 1 but for a time-lapse.
    pub clock_rate: f64,
    /// A heartbeat is sent to each client this often; a client gives up after two without one.
    pub heartbeat: Duration,
    /// Whether a client may watch without signing in, with callers' numbers masked.
    pub open_wallboard: bool,
    /// A session that is not renewed for this long is over.
    pub session_lifetime: Duration,
    /// Sessions of the last run, and where to write down those of this one.
    pub memory: Memory,
    /// What happened, kept for people. None: whatever is asked of it is refused.
    pub records: Option<Records>,
    /// WebSocket paths that somebody else serves.
    pub mounts: Vec<Mount>,
    /// Origins (`https://host:port`) that may open the feed besides the page's own.
    pub origins: Vec<String>,
    /// From when on figures are to be marked.
    pub thresholds: Thresholds,
    /// What the page tells a newcomer.
    pub about: About,
    /// Everything that is bounded.
    pub limits: Limits,
}

/// Names by the core's indexes.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// By `QueueId`.
    pub queues: Vec<String>,
    /// By `TrunkId`.
    pub trunks: Vec<String>,
    /// By `OperatorId`.
    pub operators: Vec<Account>,
    /// By `PauseReason::Chosen`.
    pub pause_reasons: Vec<String>,
    /// By bit of `Skills`.
    pub skills: Vec<String>,
    /// Where calls can be forwarded to, by index.
    pub forwards: Vec<String>,
    /// Numbers outside that calls may be given to, as [`acd::TransferRule`] has them.
    pub transfer_numbers: Vec<String>,
    /// Who may sign in as supervisor. None has an operator's name.
    pub supervisors: Vec<Account>,
    /// Phones at which supervisors listen, by user name; one's own has one's own name.
    pub phones: Vec<String>,
    /// Queues whose calls are recorded when somebody asks for it.
    pub on_demand: Vec<String>,
    /// How a matter may have ended, for the form about a call.
    pub outcomes: Vec<String>,
    /// What it may have been about.
    pub categories: Vec<String>,
}

/// An operator's or supervisor's sign-in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name; an operator's as the core has it.
    pub name: String,
    /// What is typed beside it. Empty: nobody can sign in by this name.
    pub secret: Secret,
}

impl Directory {
    /// Everybody who can sign in, and as what.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (Role, &Account)> {
        let operators = (0..)
            .zip(&self.operators)
            .map(|(index, account)| (Role::Operator(OperatorId(index)), account));
        let supervisors = (0..)
            .zip(&self.supervisors)
            .map(|(index, account)| (Role::Supervisor(SupervisorId(index)), account));
        operators.chain(supervisors)
    }

    /// The account of somebody who has signed in.
    pub(crate) fn account(&self, role: Role) -> Option<&Account> {
        match role {
            Role::Wallboard => None,
            Role::Operator(OperatorId(index)) => self.operators.get(index as usize),
            Role::Supervisor(SupervisorId(index)) => self.supervisors.get(index as usize),
        }
    }
}

/// From when on screens mark the queue's figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// A call answered within this counts for the service level.
    pub answer_within: Duration,
    /// The longest wait, marked above.
    pub oldest_wait: Marks<Duration>,
    /// The share of answered calls that were answered in time, 0 to 1; marked below.
    pub service_level: Marks<f64>,
    /// The share of ended calls whose callers gave up, 0 to 1; marked above.
    pub abandonment: Marks<f64>,
}

/// Two steps of concern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marks<T> {
    /// To be watched from here on.
    pub watch: T,
    /// An alarm from here on.
    pub alarm: T,
}

impl Default for Thresholds {
    /// 15 s and 5 % are those of GB/T 33358-2016, 80 % the field's usual target; the alarms are those of the Prometheus
    /// rules that ship.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            answer_within: seconds(15),
            oldest_wait: Marks {
                watch: seconds(15),
                alarm: seconds(120),
            },
            service_level: Marks {
                watch: 0.8,
                alarm: 0.7,
            },
            abandonment: Marks {
                watch: 0.05,
                alarm: 0.1,
            },
        }
    }
}

/// What the page tells a newcomer, served as `/about.json`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct About {
    /// The hotline's name.
    pub name: String,
    /// The running version.
    pub version: String,
    /// IANA name of the hotline's time zone, which the page tells the time in. Empty: the browser's.
    pub time_zone: String,
    /// Addresses a caller dials, such as `sip:hotline@192.0.2.1`.
    pub dial: Vec<String>,
    /// Where an operator's phone registers, such as `sip:192.0.2.1:5060 (UDP, TCP)`.
    pub register: Vec<String>,
}

/// Every bound of the feed, with its unit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// HTTP connections at once, feed clients included; one more waits in the listen backlog.
    pub connections_max: u32,
    /// Feed clients at once; one more is answered 503.
    pub clients_max: u32,
    /// Deltas kept for resuming and for slow clients. A client further behind gets a snapshot.
    pub deltas_kept: usize,
    /// The longest message a client may send, and the longest body of a request, in bytes.
    pub message_bytes_max: usize,
    /// Messages a client may send in one second on average; a burst of ten times that is let through.
    pub messages_per_second: u32,
    /// How long a client may take to accept what was sent before it is closed.
    pub write_timeout: Duration,
    /// How long a client may stay silent (not even a pong) before it is closed; three heartbeats if that is longer.
    pub idle_timeout: Duration,
    /// How long a wrong secret's answer is delayed.
    pub wrong_secret_delay: Duration,
    /// Wrong secrets from one address within a minute before the next is refused unread.
    pub wrong_secrets_per_minute: u32,
    /// How long the engine may take to answer.
    pub engine_timeout: Duration,
    /// How long a request's head may take to arrive, and then its body.
    pub header_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            clients_max: 2048,
            deltas_kept: 8192,
            message_bytes_max: 16_384,
            messages_per_second: 10,
            write_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(45),
            wrong_secret_delay: Duration::from_secs(1),
            wrong_secrets_per_minute: 10,
            engine_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
        }
    }
}
