//! One call of a phone: a SIP dialog and its audio.

use crate::audio::{Audio, Heard, Sending};
use crate::endpoint::Line;
use crate::sdp::{Direction, Remote, describe, we_send};
use crate::{Codec, PhoneError};
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver, TransactionHandle};
use rsipstack::dialog::invitation::{InviteAsyncResult, InviteOption};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Header, Response, StatusCode};
use rsipstack::transaction::transaction::Transaction;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// The INVITE is on its way.
    Dialling,
    /// It rings, or there is early media: the last provisional status.
    Ringing(u16),
    /// Answered.
    Talking,
    /// Over after having been answered.
    HungUp {
        /// Whether the other side ended it.
        by_peer: bool,
    },
    /// Over without an answer: the final status, and the seconds of Retry-After if any.
    Refused {
        /// The final status; 487 when one side gave up first.
        status: u16,
        /// When the server said to come back, in seconds.
        retry_after: Option<u32>,
    },
}

impl CallState {
    /// Whether nothing can follow.
    pub const fn is_over(self) -> bool {
        matches!(self, CallState::HungUp { .. } | CallState::Refused { .. })
    }
}

/// A call in progress. Dropping it hangs up.
pub struct Call {
    shared: Arc<Shared>,
    state: watch::Receiver<CallState>,
}

/// What the call's handle and the task that follows its dialog share.
struct Shared {
    line: Arc<Line>,
    dialog: InviteDialog,
    audio: Audio,
    codec: Codec,
    /// Our side's direction as last offered or answered, and whether the peer holds us.
    agreed: Mutex<(Direction, Option<Remote>)>,
    sdp_version: AtomicU32,
    ended_here: AtomicBool,
}

impl Shared {
    fn describe(&self, direction: Direction) -> Vec<u8> {
        let version = self.sdp_version.fetch_add(1, Ordering::Relaxed);
        describe(self.audio.local(), self.codec, direction, version)
    }

    /// Takes the peer's description into force beside our own direction.
    fn agree(&self, ours: Direction, remote: Remote) {
        *self.agreed.lock().unwrap_or_else(PoisonError::into_inner) = (ours, Some(remote));
        self.audio.send_to(Sending {
            to: remote.rtp,
            codec: remote.codec,
            on: we_send(ours, &remote),
        });
    }

    /// Reads an answer to our offer. A body that cannot be read leaves the audio as it was.
    fn take_answer(&self, ours: Direction, body: &[u8]) -> Result<(), PhoneError> {
        let remote = Remote::parse(body)?;
        self.agree(ours, remote);
        Ok(())
    }

    fn agreed(&self) -> (Direction, Option<Remote>) {
        *self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dials `user`.
pub(crate) async fn dial(line: &Arc<Line>, user: &str, caller: &str) -> Result<Call, PhoneError> {
    let audio = Audio::open(line.config.bind).await?;
    let codec = line.config.codec;
    let option = InviteOption {
        caller: line.uri(caller),
        callee: line.uri(user),
        destination: Some(line.destination()),
        offer: Some(describe(audio.local(), codec, Direction::SendRecv, 0)),
        contact: line.contact.clone(),
        credential: line.credential(),
        ..InviteOption::default()
    };
    let (states, events) = line.dialogs.new_dialog_state_channel();
    let invited = line.dialogs.do_invite_async(option, states);
    let (dialog, invite) = invited.map_err(line.failed("INVITE"))?;
    Ok(follow(
        line,
        dialog,
        audio,
        codec,
        CallState::Dialling,
        None,
        Follow {
            events,
            invite: Some(invite),
        },
    ))
}

/// A call that rings here.
pub struct Incoming {
    call: Call,
    caller: String,
    offer: Remote,
}

/// Lets an INVITE ring: it is handed to whoever waits on [`Phone::rung`](crate::Phone::rung).
pub(crate) async fn ring(
    line: &Arc<Line>,
    transaction: Transaction,
    ring: &mpsc::Sender<Incoming>,
) -> Result<(), (Transaction, StatusCode)> {
    let Ok(place) = ring.try_reserve() else {
        return Err((transaction, StatusCode::BusyHere));
    };
    let Ok(offer) = Remote::parse(&transaction.original.body) else {
        return Err((transaction, StatusCode::NotAcceptableHere));
    };
    let Ok(audio) = Audio::open(line.config.bind).await else {
        return Err((transaction, StatusCode::ServerInternalError));
    };
    let (states, events) = line.dialogs.new_dialog_state_channel();
    let contact = Some(line.contact.clone());
    let Ok(dialog) = line
        .dialogs
        .get_or_create_server_invite(&transaction, states, None, contact)
    else {
        return Err((transaction, StatusCode::CallTransactionDoesNotExist));
    };
    let from = transaction
        .original
        .from_header()
        .and_then(|header| header.typed());
    let caller = from
        .ok()
        .and_then(|from| from.uri.auth)
        .map(|auth| auth.user)
        .unwrap_or_default();
    let mut invite = dialog.clone();
    let call = follow(
        line,
        dialog,
        audio,
        offer.codec,
        CallState::Ringing(180),
        Some(offer),
        Follow { events, invite: None },
    );
    tokio::spawn(async move {
        let mut transaction = transaction;
        if let Err(error) = invite.handle(&mut transaction).await {
            tracing::debug!(%error, "an INVITE that rang here failed");
        }
    });
    place.send(Incoming { call, caller, offer });
    Ok(())
}

impl Incoming {
    /// The number that calls, as shown in From.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// Says 180: it rings.
    pub fn ringing(&self) {
        let _ = self.call.shared.dialog.ringing(None, None);
    }

    /// Picks up: 200 with our answer.
    ///
    /// # Errors
    /// [`PhoneError::CallOver`] when the caller has gone in the meantime.
    pub fn answer(self) -> Result<Call, PhoneError> {
        if self.call.state().is_over() {
            return Err(PhoneError::CallOver);
        }
        let shared = &self.call.shared;
        let direction = self.offer.direction.answered();
        shared.agree(direction, self.offer);
        let headers = Some(vec![Header::ContentType("application/sdp".into())]);
        shared
            .dialog
            .accept(headers, Some(shared.describe(direction)))
            .map_err(shared.line.failed("INVITE"))?;
        Ok(self.call)
    }

    /// Refuses with `status`: 486 for busy, 603 for declined.
    pub fn decline(self, status: u16) {
        self.call.shared.ended_here.store(true, Ordering::Relaxed);
        let _ = self
            .call
            .shared
            .dialog
            .reject(Some(StatusCode::from(status)), None);
    }

    /// Waits until it rings no more: the caller gave up, or the server called it off.
    pub async fn gone(&mut self) {
        self.call.over().await;
    }
}

impl Call {
    /// Where the call stands now.
    pub fn state(&self) -> CallState {
        *self.state.borrow()
    }

    /// Waits until the call is answered or over, and says which.
    pub async fn settled(&mut self) -> CallState {
        self.wait_for(|state| state == CallState::Talking || state.is_over())
            .await
    }

    /// Waits until the call is over, and says how it ended.
    pub async fn over(&mut self) -> CallState {
        self.wait_for(CallState::is_over).await
    }

    /// Waits for a state that `is_it` accepts, or for the end of the call.
    pub async fn wait_for(&mut self, is_it: impl Fn(CallState) -> bool) -> CallState {
        // An error means that the task that follows the dialog is gone: then the last state is the last word.
        let _ = self
            .state
            .wait_for(|&state| is_it(state) || state.is_over())
            .await;
        self.state()
    }

    /// Sends a tone of `hz` from now on; 0 is silence, which is how a call begins.
    pub fn tone(&self, hz: u32) {
        self.shared.audio.tone(hz);
    }

    /// Sends nothing any more, not even silence.
    pub fn mute(&self) {
        self.shared.audio.stop();
    }

    /// Listens until `length` of new sound has arrived, but no longer than `within`.
    pub async fn hear(&self, length: Duration, within: Duration) -> Heard {
        self.shared.audio.hear(length, within).await
    }

    /// Presses a key, told by INFO (`application/dtmf-relay`), and waits for the answer. Only in a call that is answered.
    ///
    /// # Errors
    /// [`PhoneError::Refused`] when the other side does not take it, [`PhoneError::CallOver`] when the call is over.
    pub async fn press(&self, key: char) -> Result<(), PhoneError> {
        let headers = Some(vec![Header::ContentType("application/dtmf-relay".into())]);
        let body = format!("Signal={key}\r\nDuration=160\r\n").into_bytes();
        let shared = &self.shared;
        let answer = shared.dialog.info(headers, Some(body)).await;
        let answer = answer
            .map_err(shared.line.failed("INFO"))?
            .ok_or(PhoneError::CallOver)?;
        match answer.status_code.code() {
            200..=299 => Ok(()),
            status => Err(PhoneError::Refused {
                request: "INFO",
                status,
            }),
        }
    }

    /// Presses a key, told as a telephone-event (RFC 4733) in place of sound, also before the call is answered if there is
    /// early media. Returns when the last packet has gone out. `key` is a digit, `*`, `#` or `A` to `D`; others are not
    /// sent.
    pub async fn press_event(&self, key: char) {
        if let Some(event) = "0123456789*#ABCD".find(key) {
            self.shared.audio.event(event as u8).await;
        }
    }

    /// The longest time without a packet between two that arrived, since this was asked last.
    pub fn longest_gap(&self) -> Duration {
        self.shared.audio.longest_gap()
    }

    /// Whether the other side has put this call on hold (`a=sendonly` or `a=inactive`).
    pub fn is_held_by_peer(&self) -> bool {
        self.shared.agreed().1.is_some_and(|remote| remote.holds())
    }

    /// Puts the other side on hold (`a=sendonly`), or takes it back.
    ///
    /// # Errors
    /// [`PhoneError::Refused`] when the re-INVITE was, [`PhoneError::Sdp`] when its answer cannot be used.
    pub async fn hold(&self, on: bool) -> Result<(), PhoneError> {
        let direction = if on {
            Direction::SendOnly
        } else {
            Direction::SendRecv
        };
        let headers = Some(vec![Header::ContentType("application/sdp".into())]);
        let shared = &self.shared;
        let answer = shared
            .dialog
            .reinvite(headers, Some(shared.describe(direction)))
            .await;
        let answer = answer
            .map_err(shared.line.failed("re-INVITE"))?
            .ok_or(PhoneError::CallOver)?;
        match answer.status_code.code() {
            200..=299 => shared.take_answer(direction, &answer.body),
            status => Err(PhoneError::Refused {
                request: "re-INVITE",
                status,
            }),
        }
    }

    /// Hangs up, or gives up while it rings, and waits for the end.
    pub async fn hang_up(&mut self) -> CallState {
        end(self.shared.clone()).await;
        self.over().await
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.state().is_over() && tokio::runtime::Handle::try_current().is_ok() {
            tokio::spawn(end(self.shared.clone()));
        }
    }
}

/// Ends a call in whatever state it is: BYE, CANCEL or a refusal.
async fn end(shared: Arc<Shared>) {
    shared.ended_here.store(true, Ordering::Relaxed);
    let _ = shared
        .dialog
        .reject(Some(StatusCode::TemporarilyUnavailable), None);
    if let Err(error) = shared.dialog.hangup().await {
        tracing::debug!(%error, "a call could not be ended in good order");
    }
}

/// What the task that follows a dialog reads from.
struct Follow {
    events: DialogStateReceiver,
    /// The INVITE we sent, if we dialled.
    invite: Option<JoinHandle<InviteAsyncResult>>,
}

/// Starts to follow a dialog and hands out its call.
fn follow(
    line: &Arc<Line>,
    dialog: InviteDialog,
    audio: Audio,
    codec: Codec,
    state: CallState,
    offer: Option<Remote>,
    from: Follow,
) -> Call {
    let (set, states) = watch::channel(state);
    let shared = Arc::new(Shared {
        line: line.clone(),
        dialog,
        audio,
        codec,
        agreed: Mutex::new((Direction::SendRecv, offer)),
        sdp_version: AtomicU32::new(1),
        ended_here: AtomicBool::new(false),
    });
    tokio::spawn(run(shared.clone(), from, set));
    Call {
        shared,
        state: states,
    }
}

/// Follows the dialog's states to its end, and takes it out of the stack's map then.
async fn run(shared: Arc<Shared>, mut from: Follow, set: watch::Sender<CallState>) {
    let dialled = from.invite.is_some();
    while let Some(event) = from.events.recv().await {
        match event {
            DialogState::Early(_, response) if dialled => {
                if !response.body.is_empty() {
                    let _ = shared.take_answer(Direction::SendRecv, &response.body);
                }
                set.send_replace(CallState::Ringing(response.status_code.code()));
            }
            DialogState::Confirmed(_, response) if *set.borrow() != CallState::Talking => {
                if dialled && shared.take_answer(Direction::SendRecv, &response.body).is_err() {
                    tracing::debug!("the answer has no usable audio");
                }
                set.send_replace(CallState::Talking);
            }
            DialogState::Updated(_, request, handle) => changed(&shared, &request.body, &handle).await,
            DialogState::Info(_, _, handle) | DialogState::Options(_, _, handle) => {
                let _ = handle.reply(StatusCode::OK).await;
            }
            DialogState::Terminated(..) => break,
            _ => {}
        }
    }
    let end = if *set.borrow() == CallState::Talking {
        CallState::HungUp {
            by_peer: !shared.ended_here.load(Ordering::Relaxed),
        }
    } else {
        refusal(from.invite).await
    };
    shared.line.dialogs.remove_dialog(&shared.dialog.id());
    shared.audio.stop();
    set.send_replace(end);
}

/// How an INVITE that was never answered ended.
async fn refusal(invite: Option<JoinHandle<InviteAsyncResult>>) -> CallState {
    let response: Option<Response> = match invite {
        Some(invite) => invite
            .await
            .ok()
            .and_then(Result::ok)
            .and_then(|(_, response)| response),
        None => None,
    };
    let status = response
        .as_ref()
        .map_or(487, |response| response.status_code.code());
    let retry_after = response.and_then(|response| {
        response.headers.iter().find_map(|header| match header {
            Header::RetryAfter(value) => value.to_string().rsplit(' ').next()?.parse().ok(),
            _ => None,
        })
    });
    CallState::Refused { status, retry_after }
}

/// Answers a re-INVITE or UPDATE; one without a body only refreshes the session.
async fn changed(shared: &Shared, body: &[u8], handle: &TransactionHandle) {
    let answer = match Remote::parse(body) {
        Ok(remote) => {
            let direction = remote.direction.answered();
            shared.agree(direction, remote);
            Some(direction)
        }
        Err(_) if body.is_empty() => None,
        Err(_) => {
            let _ = handle.reply(StatusCode::NotAcceptableHere).await;
            return;
        }
    };
    let direction = answer.unwrap_or_else(|| shared.agreed().0);
    let headers = vec![Header::ContentType("application/sdp".into())];
    let _ = handle
        .respond(StatusCode::OK, Some(headers), Some(shared.describe(direction)))
        .await;
}
