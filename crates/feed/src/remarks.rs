//! Remarks: told once beside the numbered deltas, since no state follows from them. Who is not there at that moment does
//! not get them later.

use crate::auth::Role;
use crate::wire::Message;
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Remarks kept for a client that reads slowly; it misses those before.
const REMARKS_MAX: usize = 256;

/// For whom a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Everybody,
    Supervisors,
}

impl Audience {
    fn includes(self, role: Role) -> bool {
        self == Self::Everybody || matches!(role, Role::Supervisor(_))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Remark {
    text: Utf8Bytes,
    audience: Audience,
}

/// Carries remarks to whoever watches.
#[derive(Clone, Debug)]
pub(crate) struct Remarks(broadcast::Sender<Remark>);

impl Remarks {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(REMARKS_MAX))
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Remark> {
        self.0.subscribe()
    }

    pub(crate) fn tell(&self, audience: Audience, message: &Message<'_>) {
        if self.0.receiver_count() == 0 {
            return;
        }
        let text = message.bytes();
        // An error is that nobody watches any more.
        let _ = self.0.send(Remark { text, audience });
    }
}

/// The next remark for somebody with `role`. One that was missed is passed over; when there can be no more, it waits for
/// ever.
pub(crate) async fn next(remarks: &mut broadcast::Receiver<Remark>, role: Role) -> Utf8Bytes {
    loop {
        match remarks.recv().await {
            Ok(remark) if remark.audience.includes(role) => return remark.text,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending::<()>().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::SupervisorId;

    #[tokio::test]
    async fn remarks_reach_those_they_are_for() {
        let remarks = Remarks::new();
        let (mut board, mut chief) = (remarks.subscribe(), remarks.subscribe());
        let beat = |seq| Message::Heartbeat { seq, time: 0 };
        remarks.tell(Audience::Supervisors, &beat(1));
        remarks.tell(Audience::Everybody, &beat(2));
        let role = Role::Supervisor(SupervisorId(0));
        for seq in [1, 2] {
            assert_eq!(next(&mut chief, role).await, beat(seq).bytes());
        }
        assert_eq!(next(&mut board, Role::Wallboard).await, beat(2).bytes());
    }
}
