//! An operator's one connection: the latest.

use acd::OperatorId;
use dashmap::DashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// Who sits where.
#[derive(Default)]
pub(crate) struct Seats {
    taken: DashMap<OperatorId, Taken>,
    next: AtomicU64,
}

struct Taken {
    number: u64,
    replaced: Arc<Notify>,
}

/// An operator's connection: told when another takes its place, forgotten when dropped.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    operator: OperatorId,
    number: u64,
    replaced: Arc<Notify>,
}

impl Seat {
    /// Returns when the same operator has connected elsewhere.
    pub(crate) async fn replaced(&self) {
        self.replaced.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats
            .taken
            .remove_if(&self.operator, |_, taken| taken.number == self.number);
    }
}

impl Seats {
    /// Gives an operator's connection its seat, and tells the one before, if any, that it is over.
    pub(crate) fn take(self: &Arc<Self>, operator: OperatorId) -> Seat {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let replaced = Arc::new(Notify::new());
        let taken = Taken {
            number,
            replaced: replaced.clone(),
        };
        if let Some(before) = self.taken.insert(operator, taken) {
            before.replaced.notify_one();
        }
        Seat {
            seats: self.clone(),
            operator,
            number,
            replaced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_connection_an_operator() {
        let seats = Arc::new(Seats::default());
        let first = seats.take(OperatorId(0));
        let second = seats.take(OperatorId(0));
        first.replaced().await;
        drop(first);
        let _third = seats.take(OperatorId(0));
        second.replaced().await;
    }
}
