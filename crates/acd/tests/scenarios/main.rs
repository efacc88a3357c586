//! The rules of the queue, told as scenarios: a script of what happens, and what the core does about it.
//!
//! See [`script`] for the language. After every step the auditor looks at the whole state, and the snapshot kept by
//! applying events is compared with the core's own.

mod abandon;
mod asking_outside;
mod call_backs;
mod consulting;
mod eligible;
mod explain;
mod giving_outside;
mod lines;
mod operators;
mod overflow;
mod places;
mod races;
mod ring_all;
mod schedule;
mod script;
mod shutdown;
mod skills;
mod telling;
mod waiting;
