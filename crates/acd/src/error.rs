//! What can be wrong with a configuration.

/// A mistake in an [`AcdConfig`](crate::AcdConfig), with where it is and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "fields are the parts of the message")]
pub enum ConfigError {
    /// Time zones are looked up in the database that is built in.
    #[error("schedule.time_zone: unknown time zone {name:?}; use an IANA name such as \"Asia/Shanghai\"")]
    TimeZone { name: String },
    /// Dates of holidays and make-up workdays.
    #[error("schedule.{list}[{index}]: {text:?} is not a date; write it as YYYY-MM-DD")]
    Date {
        list: &'static str,
        index: usize,
        text: String,
    },
    /// A date cannot be both.
    #[error("schedule.workdays: {text} is a holiday too; remove it from one of the two lists")]
    HolidayAndWorkday { text: String },
    /// Days and minutes of a window.
    #[error("schedule.windows[{index}]: {what}")]
    Window { index: usize, what: &'static str },
    /// A core without a queue can take no call.
    #[error("queues: there is none; configure at least one")]
    NoQueues,
    /// An operator serves a queue that is not there.
    #[error("operators[{index}].queues: there is no queue {queue}; the last one is {last}")]
    OperatorQueue { index: usize, queue: u32, last: u32 },
    /// Levels belong to the queues listed.
    #[error("operators[{index}].levels: more than there are queues listed; list the queues they belong to")]
    OperatorLevels { index: usize },
    /// A limit or time of a queue that would make it useless or endless.
    #[error("queues[{index}].{key}: {what}")]
    Queue {
        index: usize,
        key: &'static str,
        what: &'static str,
    },
    /// Calls could not be given to numbers outside.
    #[error("transfer.{key}: {what}")]
    Transfer { key: &'static str, what: &'static str },
    /// No call at all would be taken.
    #[error("calls_max: must be at least 1")]
    CallsMax,
}
