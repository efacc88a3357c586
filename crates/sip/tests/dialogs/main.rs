//! What happens inside a dialog, over loopback.

mod changes;
#[path = "../common/mod.rs"]
mod common;
mod crossings;
mod refreshes;
