//! Brings legs and registrations back from their records, before the first message is read.
//!
//! Always holds: every record becomes a leg in the tables, with its old tags, on its old RTP ports; one for which that
//! fails is ended properly, towards its peer and the engine. What the peer was last told is not said again unless the
//! queue asks for it: an INVITE to a phone is the exception, since its repeat is what brings its answer back.
//!
//! What a restart cannot bring back: a TCP connection (the peer is dialled again where its Contact or Route says), and
//! what was sent and received in the moments before the end that no record tells of.

use crate::SipEvent;
use crate::caller_leg::Invite;
use crate::core::Core;
use crate::inviting::Calling;
use crate::leg::Leg;
use crate::line::Line;
use crate::probe::Probe;
use crate::record::{LegRecord, Remembered, StageRecord, instant, request_of};
use crate::transact::{client, resume_server_invite};
use acd::{FailCause, GoneCause, HangUpCause};
use rsipstack::sip::Request;
use rsipstack::transaction::Transaction;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{info, warn};

/// Added to the CSeq of the record: more requests than a leg ever sends between two records.
const SEQ_HEADROOM: u32 = 1_000;
/// A peer whose session refresh fell due meanwhile has this long to send it.
const REFRESH_GRACE: Duration = Duration::from_secs(32);

impl Core {
    /// Brings back everything remembered. The sockets are open and not read yet.
    pub(crate) async fn restore(self: &Arc<Self>, remembered: Remembered) {
        for key in remembered.unreadable {
            warn!(
                key,
                "a record of the last run cannot be read by this version and is dropped"
            );
            self.forget(key);
        }
        for (user, bindings) in remembered.phones {
            self.restore_phone(&user, bindings);
        }
        let all = remembered.legs.len();
        let mut lost = 0;
        for record in remembered.legs {
            let id = record.leg;
            if let Err(what) = self.restore_leg(record).await {
                lost += 1;
                warn!(call = %id.call, leg = id.leg, what, "a leg of the last run cannot be brought back");
            }
        }
        if all > 0 {
            info!(legs = all - lost, lost, "legs of the last run are back");
        }
    }

    /// Brings one leg back. An error is a word on what is missing; the leg is ended as well as can be.
    async fn restore_leg(self: &Arc<Self>, record: LegRecord) -> Result<(), &'static str> {
        let id = record.leg;
        let (Some(tag), Some(flow)) = (record.dialog.tag(), record.dialog.way().flow(self)) else {
            self.forget_leg(id);
            return Err("there is no socket from which its peer could be reached");
        };
        // An answered browser is heard already, and waited for when there is something to say.
        let answered = matches!(record.stage, StageRecord::Confirmed);
        let way = record.dialog.way();
        let reconnect = way.is_stream() && !(way.is_websocket() && answered);
        let Some(dialog) = record.dialog.dialog(flow, SEQ_HEADROOM) else {
            self.forget_leg(id);
            return Err("its record does not say where the peer is");
        };
        let line = record
            .line
            .and_then(|line| match self.media.open_at(id, line.bound) {
                Ok(port) => Some(Line::restored(port, line)),
                Err(error) => {
                    warn!(call = %id.call, leg = id.leg, %error, "no media for a leg of the last run");
                    None
                }
            });
        let whole = line.is_some();
        let mut leg = Leg::new(self, id, tag, dialog, line);
        leg.peer_allows_update = record.peer_allows_update;
        leg.timer = record.timer;
        leg.timer_due = record.timer_due.map(|due| Instant::from_std(instant(due)));
        leg.hear_again();
        if reconnect {
            let runtime = self.runtime.clone();
            runtime.spawn(async move {
                leg.dialog.flow = leg.dialog.hop(&Arc::clone(&leg.core)).await;
                leg.revive(record.stage, whole).await;
            });
        } else {
            leg.revive(record.stage, whole).await;
        }
        if whole {
            Ok(())
        } else {
            Err("its media ports are taken")
        }
    }
}

impl Leg {
    /// Tells the media plane what was agreed, and what the codec is that the other leg should prefer.
    fn hear_again(&mut self) {
        if let Some(agreed) = self.line.as_ref().and_then(|line| line.agreed) {
            self.agree(agreed);
        }
    }

    /// Goes on where the record ends.
    async fn revive(self, stage: StageRecord, whole: bool) {
        match stage {
            StageRecord::Confirmed => self.revive_confirmed(whole),
            StageRecord::Calling { invite, hop } => {
                let hop = hop.flow(&self.core).filter(|_| !hop.is_stream());
                self.revive_calling(&invite, hop, whole).await;
            }
            waiting @ StageRecord::Waiting { .. } => self.revive_waiting(waiting, whole),
        }
    }

    fn revive_confirmed(mut self, whole: bool) {
        let patient = Instant::now() + REFRESH_GRACE;
        self.timer_due = self.timer_due.map(|due| {
            let theirs = self.timer.is_some_and(|timer| timer.peer_refreshes());
            if theirs { due.max(patient) } else { due }
        });
        self.probe = Probe::after_restart(self.core.local_tag(&self.dialog.call_id, "probe"));
        // The headroom must not be used twice.
        self.keep_confirmed();
        // The queue may not have heard of the last change; if it has, these change nothing.
        if let Some(agreed) = self.line.as_ref().and_then(|line| line.agreed) {
            if !self.id.is_caller() || self.id.call.is_call_back() {
                self.emit(SipEvent::Answered { leg: self.id });
            }
            self.emit(SipEvent::Held {
                leg: self.id,
                held: agreed.held,
            });
        }
        let runtime = self.core.runtime.clone();
        runtime.spawn(self.run_confirmed(whole));
    }

    /// Sends our INVITE once more: a phone takes it for a repeat and says again what it said last, be it that it rings
    /// or that it was picked up meanwhile (RFC 3261 §17.2.1, §13.3.1.4).
    async fn revive_calling(mut self, invite: &str, hop: Option<crate::transport::Flow>, whole: bool) {
        let core = Arc::clone(&self.core);
        let Some(request) = request_of(invite) else {
            return self.failed(FailCause::Unreachable);
        };
        let hop = hop.unwrap_or_else(|| self.dialog.flow.clone());
        let sender = Some(self.handle.sender.clone());
        let Some((tx, key)) = client(&core, request.clone(), &hop, sender).await else {
            return self.failed(FailCause::Unreachable);
        };
        let mut calling = Calling::new(request, hop, tx, key);
        if !whole {
            self.failed(FailCause::Unreachable);
            calling.call_off(HangUpCause::Ended);
        }
        let runtime = core.runtime.clone();
        runtime.spawn(self.run_outgoing(Some(calling)));
    }

    fn revive_waiting(mut self, stage: StageRecord, whole: bool) {
        match self.invite_again(stage) {
            Ok(invite) => {
                let runtime = self.core.runtime.clone();
                if whole {
                    runtime.spawn(self.run_caller(invite));
                } else {
                    self.gone(GoneCause::Failed);
                    self.final_response(&invite, 500, Vec::new());
                }
            }
            Err(what) => {
                warn!(call = %self.id.call, what, "a caller of the last run cannot be answered any more");
                self.gone(GoneCause::Failed);
            }
        }
    }

    /// The caller's INVITE with its server transaction, so that a CANCEL finds it and a repeat is known for one.
    fn invite_again(&self, stage: StageRecord) -> Result<Invite, &'static str> {
        let StageRecord::Waiting {
            invite,
            answer,
            timer,
            reliable,
            rseq,
        } = stage
        else {
            return Err("its record is of another stage");
        };
        let request: Request = request_of(&invite).ok_or("its INVITE cannot be read")?;
        let key = TransactionKey::from_request(&request, TransactionRole::Server)
            .map_err(|_| "its INVITE names no transaction")?;
        let connection = Some(self.dialog.flow.connection.clone());
        let transaction =
            Transaction::new_server(key, request.clone(), Arc::clone(&self.core.endpoint), connection);
        let server = resume_server_invite(&self.core, transaction, &self.handle.sender, answer.is_none())
            .ok_or("its INVITE has no CSeq")?;
        let answer = answer.map(|answer| *answer);
        Ok(Invite::new(request, server, answer, timer, reliable).restored(rseq))
    }
}
