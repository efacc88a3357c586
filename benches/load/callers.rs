//! The callers' side: one socket, a call for each arrival, told apart by Call-ID.

use crate::wire::{Message, sdp};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// First retransmission of a request (T1, RFC 3261 §17.1.1.1); each next one waits twice as long.
const T1: Duration = Duration::from_millis(500);

/// Transmissions of one request before the call counts as failed.
const SENDS_MAX: u32 = 7;

/// Where a caller stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// INVITE sent, no final answer.
    Inviting,
    /// Answered.
    Up,
    /// BYE sent, or both sides are done with it.
    Leaving,
    /// Over as it should be.
    Done,
    /// Refused, or nobody answered us.
    Failed,
}

/// One caller.
pub(crate) struct Caller {
    pub(crate) stage: Stage,
    /// When the INVITE was first sent.
    pub(crate) sent: Instant,
    /// When an operator's phone was first rung for it.
    pub(crate) rung: Option<Instant>,
    /// Whether both legs were up.
    pub(crate) connected: bool,
    /// Whether the operator's leg is over.
    pub(crate) phone_over: bool,
    /// Finals of the INVITE with different tags or contents would be a second answer.
    answer_tag: Option<String>,
    to: String,
    target: String,
    sends: u32,
    next_send: Option<Instant>,
    provisional: bool,
}

/// All callers.
pub(crate) struct Callers {
    socket: UdpSocket,
    local: SocketAddr,
    engine: SocketAddr,
    dial: String,
    media: u16,
    pub(crate) calls: Vec<Caller>,
    pub(crate) retransmissions: u64,
    pub(crate) refusals: Vec<u16>,
    pub(crate) second_answers: u64,
}

impl Callers {
    pub(crate) fn new(
        socket: UdpSocket,
        local: SocketAddr,
        engine: SocketAddr,
        dial: &str,
        media: u16,
    ) -> Self {
        Self {
            socket,
            local,
            engine,
            dial: dial.to_owned(),
            media,
            calls: Vec::new(),
            retransmissions: 0,
            refusals: Vec::new(),
            second_answers: 0,
        }
    }

    pub(crate) const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// A new caller rings; its number is its index.
    pub(crate) fn arrive(&mut self, now: Instant) {
        let to = format!("<sip:{}@{}>", self.dial, self.engine);
        self.calls.push(Caller {
            stage: Stage::Inviting,
            sent: now,
            rung: None,
            connected: false,
            phone_over: false,
            answer_tag: None,
            to,
            target: format!("sip:{}@{}", self.dial, self.engine),
            sends: 0,
            next_send: None,
            provisional: false,
        });
        self.transmit(self.calls.len() - 1, now);
    }

    /// Sends the request that `index` waits on, and plans its retransmission.
    fn transmit(&mut self, index: usize, now: Instant) {
        let request = match self.calls[index].stage {
            Stage::Inviting => self.invite(index),
            Stage::Leaving => self.request(index, "BYE", 2, "bye", ""),
            Stage::Up | Stage::Done | Stage::Failed => return,
        };
        let call = &mut self.calls[index];
        self.retransmissions += u64::from(call.sends > 0);
        call.sends += 1;
        call.next_send = Some(now + T1 * 2u32.pow(call.sends - 1));
        self.send(&request);
    }

    fn send(&self, text: &str) {
        // A full socket buffer loses the datagram, as a network would: the retransmission makes up for it.
        let _ = self.socket.send_to(text.as_bytes(), self.engine);
    }

    fn invite(&self, index: usize) -> String {
        self.request(index, "INVITE", 1, "invite", &sdp(self.local.ip(), self.media))
    }

    fn request(&self, index: usize, method: &str, cseq: u32, branch: &str, body: &str) -> String {
        let Caller { to, target, .. } = &self.calls[index];
        let local = self.local;
        format!(
            "{method} {target} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bK{branch}{index};rport\r\n\
             From: <sip:{index}@{local}>;tag=c{index}\r\n\
             To: {to}\r\n\
             Call-ID: {index}@{local}\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: <sip:{index}@{local}>\r\n\
             Max-Forwards: 70\r\n\
             Content-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len(),
        )
    }

    /// Retransmits what is due, looking at the calls from `oldest` on.
    pub(crate) fn on_time(&mut self, oldest: usize, now: Instant) {
        for index in oldest..self.calls.len() {
            let call = &mut self.calls[index];
            if call.next_send.is_none_or(|due| due > now) {
                continue;
            }
            // After a provisional response an INVITE is not sent again (RFC 3261 §17.1.1.2).
            if call.stage == Stage::Inviting && call.provisional {
                call.next_send = None;
            } else if call.sends >= SENDS_MAX {
                call.stage = Stage::Failed;
                call.next_send = None;
            } else {
                self.transmit(index, now);
            }
        }
    }

    /// The caller hangs up.
    pub(crate) fn hang_up(&mut self, index: usize, now: Instant) {
        if self.calls[index].stage == Stage::Up {
            self.calls[index].stage = Stage::Leaving;
            self.calls[index].sends = 0;
            self.transmit(index, now);
        }
    }

    /// Reads one datagram. Returns the call it ended, if any.
    pub(crate) fn read(&mut self, message: Message<'_>) -> Option<usize> {
        let index: usize = message.header("Call-ID")?.split_once('@')?.0.parse().ok()?;
        self.calls.get(index)?;
        match message.status() {
            Some(status) if message.cseq_method() == "INVITE" => self.answered(index, status, message),
            Some(200..) => self.finish(index, Stage::Done),
            Some(_) => None,
            None if message.method() == "BYE" => {
                self.send(&message.reply("200 OK", "", "", ""));
                self.finish(index, Stage::Done)
            }
            None => None,
        }
    }

    fn answered(&mut self, index: usize, status: u16, message: Message<'_>) -> Option<usize> {
        let call = &mut self.calls[index];
        match status {
            100..=199 => {
                call.provisional = true;
                None
            }
            200..=299 => {
                let tag = message.header("To")?.split_once(";tag=")?.1;
                if call.answer_tag.as_deref().is_some_and(|first| first != tag) {
                    self.second_answers += 1;
                    return None;
                }
                call.answer_tag = Some(tag.to_owned());
                if call.stage == Stage::Inviting {
                    call.stage = Stage::Up;
                    call.next_send = None;
                    call.to = message.header("To")?.to_owned();
                    call.target = message.contact()?.to_owned();
                }
                let ack = self.request(index, "ACK", 1, "ack", "");
                self.send(&ack);
                None
            }
            _ => {
                call.to = message.header("To")?.to_owned();
                let ack = self.request(index, "ACK", 1, "invite", "");
                self.send(&ack);
                if self.calls[index].stage == Stage::Inviting {
                    self.refusals.push(status);
                }
                self.finish(index, Stage::Failed)
            }
        }
    }

    fn finish(&mut self, index: usize, stage: Stage) -> Option<usize> {
        let call = &mut self.calls[index];
        if matches!(call.stage, Stage::Done | Stage::Failed) {
            return None;
        }
        call.stage = stage;
        call.next_send = None;
        Some(index)
    }
}
