//! What the feed asks of the engine, and the words of a refusal.

use crate::lines::AHEAD_DAYS_MAX;
use acd::schedule::LINES_MAX;
use acd::{CallId, Explanation, Input, OperatorId, Snapshot};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What the feed asks of the engine.
#[derive(Debug)]
pub enum Request {
    /// The whole state and the number of the last event it contains, taken between two inputs.
    Snapshot(oneshot::Sender<(u64, Arc<Snapshot>)>),
    /// A command of an operator or a supervisor. The engine hands it to the core, and answers with what the core
    /// refused, if it did.
    Command {
        /// What is asked for: of an operator's own state or call, or of the lines.
        input: Input,
        /// Takes the answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Why a call waits; none if it does not.
    Explain {
        /// Which call.
        call: CallId,
        /// Takes the answer.
        reply: oneshot::Sender<Option<Explanation>>,
    },
    /// Lets a supervisor listen to the call that an operator talks in, or no longer.
    Supervise {
        /// What is asked for.
        order: Supervise,
        /// Takes the answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Has the call that an operator talks in recorded from now on, or no longer.
    Record {
        /// Whose call.
        operator: OperatorId,
        /// Recorded, or not.
        on: bool,
        /// Takes the answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
}

/// How a supervisor's phone is connected to a call. It hears both sides in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupervisorMode {
    /// Nobody hears the supervisor.
    Listen,
    /// The operator hears the supervisor.
    Whisper,
    /// Both hear the supervisor.
    Barge,
}

impl SupervisorMode {
    /// The word in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Whisper => "whisper",
            Self::Barge => "barge",
        }
    }
}

/// What a supervisor asks for in the call that an operator talks in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervise {
    /// Whose call.
    pub operator: OperatorId,
    /// The operator's name, which the supervisor's phone shows.
    pub shown: String,
    /// The user name of the supervisor's phone.
    pub phone: String,
    /// How it is to be connected; none: no longer.
    pub mode: Option<SupervisorMode>,
}

/// Hands a request to the engine without blocking. False: the engine is overloaded or stopping.
pub type Requests = Arc<dyn Fn(Request) -> bool + Send + Sync>;

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Not JSON, or not a command of the protocol.
    #[error("this is not a command: {0}; see docs/feed.md")]
    Malformed(String),
    /// The connection is not of somebody who may do this.
    #[error("only a supervisor may do this or, for an operator's own commands, that operator")]
    NotSignedIn,
    /// Name or secret is wrong; which of them is not told.
    #[error("name or secret is wrong")]
    WrongSecret,
    /// Too many wrong secrets came from this address.
    #[error("too many wrong secrets from this address; wait a minute")]
    TooManyAttempts,
    /// A supervisor's command does not say for whom, or the name is unknown.
    #[error("say which operator this is for: there is none by that name")]
    UnknownOperator,
    /// There is nobody by that name to ask about a call, or to give it to.
    #[error("say to whom: there is no operator by that name")]
    UnknownTarget,
    /// What is to be dialled for a call is no telephone number.
    #[error(
        "`number` must be digits, {} at most, perhaps after a plus sign",
        acd::TransferRule::DIGITS_MAX
    )]
    NotANumber,
    /// The configuration has no such pause reason.
    #[error("there is no such pause reason; hello lists those there are")]
    UnknownPauseReason,
    /// Fewer lines than none, or more than may be ordered.
    #[error("`lines` must be from 0 to {}", LINES_MAX)]
    LinesOutOfRange,
    /// The order of lines would be over already, or last too long.
    #[error(
        "`until` must be later than the engine's clock, by {} days at most; heartbeats tell that clock",
        AHEAD_DAYS_MAX
    )]
    UntilOutOfRange,
    /// The call that was asked about does not wait, or is none.
    #[error("no such call waits; it may have been served or be over")]
    NotWaiting,
    /// The id was used for another command.
    #[error("this id was used for another command; draw a new one for each")]
    IdReused,
    /// The same command is still being carried out.
    #[error("this command is being carried out; ask again for its answer")]
    InProgress,
    /// There is no call that could be recorded or listened to.
    #[error("the operator is in no call: only a call under way can be recorded or listened to")]
    NotTalking,
    /// The configuration has no such phone of a supervisor, or several and none was named.
    #[error("say at which `phone` you are: hello lists those that [[supervisors]] has")]
    UnknownPhone,
    /// The supervisor's phone is not registered.
    #[error("that phone is not registered; check that it is on and reaches the engine")]
    PhoneUnreachable,
    /// The supervisor's phone is on another call.
    #[error("that phone listens to another call; end that first, with `leave`")]
    PhoneTaken,
    /// Another supervisor listens to the call.
    #[error("another supervisor listens to that call")]
    SupervisedAlready,
    /// The queue's calls are not recorded on command.
    #[error("recording is not this call's to begin or end: the queue's `record` is not \"on-demand\"")]
    NotOnDemand,
    /// A form about a call that the operator did not have.
    #[error("the operator did not have this call: a form is written by who talked with the caller")]
    NotTheirCall,
    /// There is no record of the call.
    #[error("there is no record of this call; it may have been removed when its time was over")]
    UnknownCall,
    /// The configuration has no such outcome.
    #[error("there is no such outcome; hello's `form` lists those there are")]
    UnknownOutcome,
    /// The configuration has no such category.
    #[error("there is no such category; hello's `form` lists those there are")]
    UnknownCategory,
    /// The text of a form is too long.
    #[error("`text` may have {} characters at most", crate::desk::TEXT_MAX)]
    TextTooLong,
    /// The database cannot be used.
    #[error("the records cannot be read or written now; nothing was saved: try again later")]
    RecordsUnavailable,
    /// The core did not carry it out, as the operator stands now.
    #[error("{}", explain(*.0))]
    NotNow(acd::Refusal),
    /// The engine could not take the command, or too many sign in at once.
    #[error("the engine is busy or stopping; try again")]
    Overloaded,
    /// The engine did not answer: it is not known whether the command was carried out.
    #[error("the engine did not answer in time; look at the state before trying again")]
    NoAnswer,
}

impl Refusal {
    /// The word a program goes by.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NotSignedIn => "not_signed_in",
            Self::WrongSecret => "wrong_secret",
            Self::TooManyAttempts => "too_many_attempts",
            Self::UnknownOperator => "unknown_operator",
            Self::UnknownTarget => "unknown_target",
            Self::NotANumber => "not_a_number",
            Self::UnknownPauseReason => "unknown_pause_reason",
            Self::LinesOutOfRange => "lines_out_of_range",
            Self::UntilOutOfRange => "until_out_of_range",
            Self::NotWaiting => "not_waiting",
            Self::IdReused => "id_reused",
            Self::InProgress => "in_progress",
            Self::NotTalking => "not_talking",
            Self::UnknownPhone => "unknown_phone",
            Self::PhoneUnreachable => "phone_unreachable",
            Self::PhoneTaken => "phone_taken",
            Self::SupervisedAlready => "supervised_already",
            Self::NotOnDemand => "not_on_demand",
            Self::NotTheirCall => "not_their_call",
            Self::UnknownCall => "unknown_call",
            Self::UnknownOutcome => "unknown_outcome",
            Self::UnknownCategory => "unknown_category",
            Self::TextTooLong => "text_too_long",
            Self::RecordsUnavailable => "records_unavailable",
            Self::NotNow(refusal) => refusal.name(),
            Self::Overloaded => "overloaded",
            Self::NoAnswer => "no_answer",
        }
    }
}

/// The core's word with what to do about it.
const fn explain(refusal: acd::Refusal) -> &'static str {
    match refusal {
        acd::Refusal::UnknownOperator => "there is no such operator; check the configuration",
        acd::Refusal::UnknownPauseReason => "there is no such pause reason; hello lists those there are",
        acd::Refusal::SignedOff => "signed off; sign on first",
        acd::Refusal::PhoneGone => "the phone is not registered; check that it is on and reaches the engine",
        acd::Refusal::NotInWrapUp => "not in wrap-up; there is nothing to extend",
        acd::Refusal::WrapUpMax => "the wrap-up has been extended as far as it goes",
        acd::Refusal::NotTalking => {
            "the operator is in no call, or was only asked about it: what becomes of a call is for who has it"
        }
        acd::Refusal::NotAvailable => {
            "that operator is not available; ask another, or wait until that one is"
        }
        acd::Refusal::AskedAlready => "somebody was asked already; complete or cancel that first",
        acd::Refusal::NobodyAsked => "nobody was asked; consult somebody first",
        acd::Refusal::NotAnswered => {
            "that phone has not been picked up yet; wait, or complete the transfer as it is"
        }
        acd::Refusal::NumberNotAllowed => {
            "this number may not be dialled for a call; `numbers` of [transfer] in the configuration says which may"
        }
    }
}

impl From<acd::Refusal> for Refusal {
    fn from(refusal: acd::Refusal) -> Self {
        Self::NotNow(refusal)
    }
}
