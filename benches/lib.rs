//! Helpers shared by the benches and load generators.

pub mod cost;
