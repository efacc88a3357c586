//! Whether the peer of an answered leg is still there: asked after a restart, since it may have hung up while nobody
//! was here to be told, and when its sound has stopped.
//!
//! After a restart we ask with OPTIONS, which changes nothing. Some peers answer OPTIONS whether or not they know the
//! dialog, so a peer that has fallen silent is asked with a refresh of the session, which only a dialog can take.
//! A slow peer is not cut: it has the life of two transactions, more than a minute, to give any answer at all.

use crate::leg::{End, Leg};
use crate::message;
use crate::transact::client;
use acd::GoneCause;
use rsipstack::sip::{Method, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{debug, info};

/// How long after a restart the first legs are asked, and
const AFTER: Duration = Duration::from_secs(1);
/// over how long the questions to all legs are spread.
const SPREAD: Duration = Duration::from_secs(8);
/// Transactions without any answer after which a peer is taken to be gone.
const UNANSWERED_MAX: u32 = 2;

/// Questions to one peer.
#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) due: Option<Instant>,
    /// CSeq of the question that waits for its answer.
    seq: Option<u32>,
    unanswered: u32,
}

impl Probe {
    /// Questions for a leg that was brought back; `spread` is any number of its own.
    pub(crate) fn after_restart(spread: u64) -> Self {
        let spread = spread % u64::try_from(SPREAD.as_millis()).unwrap_or(1);
        Self {
            due: Some(Instant::now() + AFTER + Duration::from_millis(spread)),
            ..Self::default()
        }
    }
}

impl Leg {
    /// When the leg wakes up by itself.
    pub(crate) fn due(&self) -> Option<Instant> {
        [self.timer_due, self.probe.due].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) async fn on_due(&mut self) -> Option<End> {
        if self.probe.due.is_some_and(|due| due <= Instant::now()) {
            self.ask().await;
            return None;
        }
        self.timer_ran_out().await
    }

    async fn ask(&mut self) {
        self.probe.due = None;
        let core = Arc::clone(&self.core);
        let request = self.dialog.request(&core, Method::Options, Vec::new(), None);
        self.probe.seq = Some(self.dialog.local_seq);
        let hop = self.dialog.hop(&core).await;
        client(&core, request, &hop, Some(self.handle.sender.clone())).await;
    }

    /// Takes the answer to a question, if it is one. The inner value is set when the peer is gone.
    pub(crate) async fn on_probed(&mut self, response: &Response) -> Option<Option<End>> {
        let seq = message::cseq(&response.headers).unwrap_or(0);
        self.probe.seq.take_if(|asked| *asked == seq)?;
        // The transaction layer writes its own responses without a To tag of the peer's making.
        let code = message::status(response);
        if matches!(code, 408 | 503) {
            self.probe.unanswered += 1;
            if self.probe.unanswered < UNANSWERED_MAX {
                self.probe.due = Some(Instant::now());
                return Some(None);
            }
        } else if code != 481 {
            debug!(call = %self.id.call, leg = self.id.leg, code, "the peer is still there");
            self.probe = Probe::default();
            return Some(None);
        }
        info!(call = %self.id.call, leg = self.id.leg, code, "the peer is gone");
        self.gone(GoneCause::Failed);
        self.bye(None).await;
        Some(Some(End::Failed))
    }
}
