//! A dialog as the peer sees it.

use super::{Msg, Peer, fresh, sdp};

/// One dialog of a peer's.
pub struct Call<'p> {
    pub peer: &'p Peer,
    pub call_id: String,
    pub from: String,
    pub to: String,
    pub target: String,
    pub seq: u32,
    pub branch: String,
}

impl<'p> Call<'p> {
    /// A call that is going to be made.
    pub fn new(peer: &'p Peer, user: &str) -> Self {
        let host = peer.remote;
        Self {
            peer,
            call_id: fresh("call"),
            from: format!("\"Caller\" <sip:13800138000@{}>;tag={}", peer.local, fresh("ft")),
            to: format!("<sip:{user}@{host}>"),
            target: format!("sip:{user}@{host}"),
            seq: 0,
            branch: String::new(),
        }
    }

    /// The dialog in which `invite` came to us, answered with `tag`.
    pub fn callee(peer: &'p Peer, invite: &Msg, tag: &str) -> Self {
        Self {
            peer,
            call_id: invite.get("Call-ID").to_owned(),
            from: format!("{};tag={tag}", invite.get("To")),
            to: invite.get("From").to_owned(),
            target: invite.contact(),
            seq: 100,
            branch: String::new(),
        }
    }

    /// The text of a request; the CSeq counts up but for ACK and CANCEL, which also keep the branch if told so.
    pub fn request(&mut self, method: &str, extra: &str, body: &str) -> String {
        if !matches!(method, "ACK" | "CANCEL") {
            self.seq += 1;
        }
        if method != "CANCEL" {
            self.branch = fresh("z9hG4bKtest");
        }
        let content = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={};rport\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: {} {method}\r\nContact: <sip:caller@{}{}>\r\n{extra}{content}Content-Length: {}\r\n\r\n{body}",
            self.target,
            self.peer.via,
            self.peer.local,
            self.branch,
            self.from,
            self.to,
            self.call_id,
            self.seq,
            self.peer.host,
            if self.peer.via == "TCP" {
                ";transport=tcp"
            } else {
                ""
            },
            body.len(),
        )
    }

    pub async fn send(&mut self, method: &str, extra: &str, body: &str) {
        let text = self.request(method, extra, body);
        self.peer.send(&text).await;
    }

    /// Sends INVITE with a description.
    pub async fn invite(&mut self) {
        self.send("INVITE", "", &sdp(40_000)).await;
    }

    /// Takes over tag and contact of a response.
    pub fn learn(&mut self, response: &Msg) {
        self.to = response.get("To").to_owned();
        if !response.get("Contact").is_empty() {
            self.target = response.contact();
        }
    }

    /// Takes the 200, and ACKs it.
    pub async fn answered(&mut self) -> Msg {
        let ok = self.peer.expect(200).await;
        self.learn(&ok);
        self.send("ACK", "", "").await;
        ok
    }

    /// ACKs a refusal, in the transaction of the INVITE.
    pub async fn ack_refusal(&mut self, response: &Msg) {
        let branch = self.branch.clone();
        let to = std::mem::replace(&mut self.to, response.get("To").to_owned());
        let text = self.request("ACK", "", "").replace(&self.branch, &branch);
        self.to = to;
        self.branch = branch;
        self.peer.send(&text).await;
    }

    pub async fn bye(&mut self) {
        self.send("BYE", "", "").await;
        self.peer.expect(200).await;
    }
}
