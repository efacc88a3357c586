//! Transactions of legs, each driven by a small task of its own.
//!
//! The library's transactions must not be interrupted while they work, so a leg never waits for one beside other things:
//! what a transaction has to say comes into the leg's inbox.

use crate::core::Core;
use crate::dialog::Dialog;
use crate::edge::forward;
use crate::leg::LegMsg;
use crate::message;
use crate::transport::Flow;
use rsipstack::sip::{Method, Request, Response, SipMessage};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::TransactionEventSender;
use std::sync::Arc;
use tokio::sync::mpsc;
use tracing::debug;

/// An INVITE that we answer, until its ACK.
pub(crate) struct Unacked {
    pub(crate) seq: u32,
    /// Our 2xx carried an offer; the ACK brings the answer.
    pub(crate) offered: bool,
    pub(crate) tx: TransactionEventSender,
    pub(crate) key: TransactionKey,
}

/// Sends a request, and drives its transaction in a task of its own. Responses go to `leg`, if anybody wants them.
pub(crate) async fn client(
    core: &Arc<Core>,
    request: Request,
    hop: &Flow,
    leg: Option<mpsc::Sender<LegMsg>>,
) -> Option<(TransactionEventSender, TransactionKey)> {
    let key = TransactionKey::from_request(&request, TransactionRole::Client).ok()?;
    let connection = Some(hop.connection.clone());
    let mut transaction =
        Transaction::new_client(key.clone(), request, Arc::clone(&core.endpoint), connection);
    transaction.destination = Some(hop.addr());
    let sender = transaction.tu_sender.clone();
    if let Err(error) = transaction.send().await {
        debug!(%error, "could not send a request");
    }
    core.runtime.spawn(async move {
        while let Some(message) = transaction.receive().await {
            if let (SipMessage::Response(response), Some(leg)) = (message, &leg) {
                forward(leg, LegMsg::Response(Box::new(response)));
            }
        }
    });
    Some((sender, key))
}

/// Drives a server INVITE transaction in a task of its own: it sends `first`, repeats a 2xx until the ACK, and tells
/// the leg of a CANCEL, or that no ACK came.
pub(crate) fn server_invite(
    core: &Arc<Core>,
    mut transaction: Transaction,
    leg: &mpsc::Sender<LegMsg>,
    first: Option<Response>,
    offered: bool,
) -> Option<Unacked> {
    let (unacked, seq) = unacked_of(&transaction, offered)?;
    let leg = leg.clone();
    core.runtime.spawn(async move {
        let sent = match first {
            Some(response) => transaction.respond(response).await,
            None => transaction.send_trying().await,
        };
        if let Err(error) = sent {
            debug!(%error, "could not respond to an INVITE");
        }
        drive_server_invite(transaction, leg, seq).await;
    });
    Some(unacked)
}

/// The same for an INVITE of before a restart: its peer has had a response to it, and waits for the next.
pub(crate) fn resume_server_invite(
    core: &Arc<Core>,
    transaction: Transaction,
    leg: &mpsc::Sender<LegMsg>,
    offered: bool,
) -> Option<Unacked> {
    let (unacked, seq) = unacked_of(&transaction, offered)?;
    core.runtime
        .spawn(drive_server_invite(transaction, leg.clone(), seq));
    Some(unacked)
}

fn unacked_of(transaction: &Transaction, offered: bool) -> Option<(Unacked, u32)> {
    let seq = message::cseq(&transaction.original.headers)?;
    let unacked = Unacked {
        seq,
        offered,
        tx: transaction.tu_sender.clone(),
        key: transaction.key.clone(),
    };
    Some((unacked, seq))
}

async fn drive_server_invite(mut transaction: Transaction, leg: mpsc::Sender<LegMsg>, seq: u32) {
    while let Some(message) = transaction.receive().await {
        match message {
            // The edge has told the leg already.
            SipMessage::Request(request) if request.method == Method::Ack => return,
            SipMessage::Request(request) if request.method == Method::Cancel => {
                forward(&leg, LegMsg::Cancelled);
            }
            _ => {}
        }
    }
    forward(&leg, LegMsg::Unacked(seq));
}

/// ACK and BYE for a 2xx that nobody wants any more.
pub(crate) async fn acknowledge_and_end(core: &Arc<Core>, dialog: &mut Dialog, response: &Response) {
    let ack = dialog.ack(core, message::cseq(&response.headers).unwrap_or(1));
    let hop = dialog.hop(core).await;
    core.send(ack, &hop).await;
    let bye = dialog.request(core, Method::Bye, Vec::new(), None);
    client(core, bye, &hop, None).await;
}
