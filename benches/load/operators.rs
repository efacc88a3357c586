//! The operators' side: one socket for all phones, told apart by the user in the request URI.

use crate::wire::{Message, sdp};
use rsipstack::dialog::authenticate::compute_digest;
use rsipstack::sip::Method;
use rsipstack::sip::headers::auth::{Algorithm, AuthQop};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// The longest a REGISTER may stay unanswered.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(5);

/// Seconds asked for in a registration: longer than any run.
const REGISTER_EXPIRES: u32 = 3_600;

/// What an operator's phone was told, for whoever keeps the books.
pub(crate) enum Heard {
    /// It rings for this caller.
    Rung { caller: usize },
    /// It was picked up and acknowledged: the two can talk. `leg` names it for [`Operators::hang_up`].
    Connected { caller: usize, leg: String },
    /// The call is over at this end.
    Ended { caller: usize },
}

/// After which an answer or a BYE is sent again (T1, RFC 3261 §17.1.1.1).
const T1: Duration = Duration::from_millis(500);

/// A call at one phone.
struct Leg {
    caller: usize,
    operator: usize,
    answer: String,
    acknowledged: bool,
    bye: Option<String>,
    local: String,
    remote: String,
    target: String,
}

/// All phones.
pub(crate) struct Operators {
    socket: UdpSocket,
    local: SocketAddr,
    engine: SocketAddr,
    media: u16,
    legs: HashMap<String, Leg>,
    /// The live calls of each operator; more than one is a double offer.
    busy: Vec<u32>,
    /// Phones that ring or talk for each caller; more than one is a double offer.
    offered: HashMap<usize, u32>,
    /// Legs that wait for an ACK or a 200, by when they are sent again.
    unconfirmed: VecDeque<(Instant, String)>,
    pub(crate) retransmissions: u64,
    pub(crate) double_offers: u64,
    pub(crate) cancelled: u64,
}

impl Operators {
    pub(crate) fn new(
        socket: UdpSocket,
        local: SocketAddr,
        engine: SocketAddr,
        count: usize,
        media: u16,
    ) -> Self {
        Self {
            socket,
            local,
            engine,
            media,
            legs: HashMap::new(),
            busy: vec![0; count],
            offered: HashMap::new(),
            unconfirmed: VecDeque::new(),
            retransmissions: 0,
            double_offers: 0,
            cancelled: 0,
        }
    }

    pub(crate) const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Whether no phone has a call.
    pub(crate) fn are_idle(&self) -> bool {
        self.legs.is_empty()
    }

    fn send(&self, text: &str) {
        let _ = self.socket.send_to(text.as_bytes(), self.engine);
    }

    /// Registers all phones, one after another, on the still blocking socket.
    pub(crate) fn register(&self, secret: &str) -> io::Result<()> {
        self.socket.set_read_timeout(Some(REGISTER_TIMEOUT))?;
        for operator in 0..self.busy.len() {
            let user = format!("op{}", operator + 1);
            let challenge = self.ask(&self.register_request(&user, 1, ""))?;
            let challenge = Message::new(challenge.as_bytes());
            let authorization = challenge.and_then(|message| {
                let offered = message.headers("WWW-Authenticate");
                offered
                    .filter(|c| !c.contains("SHA"))
                    .find_map(|c| authorize(c, &user, secret, self.engine))
            });
            let authorization = authorization.ok_or_else(|| refused(&user, "was not challenged with MD5"))?;
            let answer = self.ask(&self.register_request(&user, 2, &authorization))?;
            if Message::new(answer.as_bytes()).and_then(Message::status) != Some(200) {
                return Err(refused(
                    &user,
                    "was not let in; is --secret the one of the configuration?",
                ));
            }
        }
        self.socket.set_nonblocking(true)
    }

    fn ask(&self, request: &str) -> io::Result<String> {
        self.send(request);
        let mut datagram = [0; 4_096];
        loop {
            let (length, _) = self.socket.recv_from(&mut datagram)?;
            let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
            if Message::new(text.as_bytes())
                .and_then(Message::status)
                .is_some_and(|status| status >= 200)
            {
                return Ok(text);
            }
        }
    }

    fn register_request(&self, user: &str, cseq: u32, authorization: &str) -> String {
        let Self { local, engine, .. } = self;
        format!(
            "REGISTER sip:{engine} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bKr{user}{cseq};rport\r\n\
             From: <sip:{user}@{engine}>;tag=r{user}\r\n\
             To: <sip:{user}@{engine}>\r\n\
             Call-ID: {user}@{local}\r\n\
             CSeq: {cseq} REGISTER\r\n\
             Contact: <sip:{user}@{local}>\r\n\
             {authorization}\
             Expires: {REGISTER_EXPIRES}\r\n\
             Max-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n"
        )
    }

    /// Reads one datagram.
    pub(crate) fn read(&mut self, message: Message<'_>, now: Instant) -> Option<Heard> {
        let id = message.header("Call-ID")?;
        if message.status().is_some() {
            return (message.cseq_method() == "BYE").then(|| self.end(id)).flatten();
        }
        match message.method() {
            "INVITE" => self.ring(id, message, now),
            "ACK" => self.acknowledge(id),
            "CANCEL" => {
                self.send(&message.reply("200 OK", "o", "", ""));
                self.cancelled += 1;
                self.end(id)
            }
            "BYE" => {
                self.send(&message.reply("200 OK", "o", "", ""));
                self.end(id)
            }
            "OPTIONS" => {
                self.send(&message.reply("200 OK", "o", "", ""));
                None
            }
            _ => None,
        }
    }

    fn ring(&mut self, id: &str, message: Message<'_>, now: Instant) -> Option<Heard> {
        if let Some(leg) = self.legs.get(id) {
            self.send(&leg.answer);
            return None;
        }
        let caller: usize = message.user_in("From")?.parse().ok()?;
        let operator = message
            .dialled_user()?
            .strip_prefix("op")?
            .parse::<usize>()
            .ok()?
            .checked_sub(1)?;
        let calls = self.busy.get_mut(operator)?;
        *calls += 1;
        let phones = self.offered.entry(caller).or_default();
        *phones += 1;
        self.double_offers += u64::from(*calls > 1 || *phones > 1);
        let contact = format!(
            "Contact: <sip:op{}@{}>\r\nContent-Type: application/sdp\r\n",
            operator + 1,
            self.local
        );
        let answer = message.reply("200 OK", "o", &contact, &sdp(self.local.ip(), self.media));
        self.send(&message.reply("180 Ringing", "o", &contact, ""));
        self.send(&answer);
        self.unconfirmed.push_back((now + T1, id.to_owned()));
        self.legs.insert(
            id.to_owned(),
            Leg {
                caller,
                operator,
                acknowledged: false,
                bye: None,
                local: format!("{};tag=o", message.header("To")?),
                remote: message.header("From")?.to_owned(),
                target: message.contact()?.to_owned(),
                answer,
            },
        );
        Some(Heard::Rung { caller })
    }

    fn acknowledge(&mut self, id: &str) -> Option<Heard> {
        let leg = self.legs.get_mut(id)?;
        let first = !std::mem::replace(&mut leg.acknowledged, true);
        first.then(|| Heard::Connected {
            caller: leg.caller,
            leg: id.to_owned(),
        })
    }

    fn end(&mut self, id: &str) -> Option<Heard> {
        let leg = self.legs.remove(id)?;
        if leg.bye.is_none() {
            self.busy[leg.operator] -= 1;
        }
        if let Some(phones) = self.offered.get_mut(&leg.caller) {
            *phones -= 1;
        }
        Some(Heard::Ended { caller: leg.caller })
    }

    /// The operator hangs up. From now on the phone is free, as one on its hook is.
    pub(crate) fn hang_up(&mut self, id: &str, now: Instant) {
        let local = self.local;
        let Some(leg) = self.legs.get_mut(id) else {
            return;
        };
        let Leg {
            target,
            local: from,
            remote,
            caller,
            ..
        } = &*leg;
        let bye = format!(
            "BYE {target} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bKob{caller};rport\r\n\
             From: {from}\r\n\
             To: {remote}\r\n\
             Call-ID: {id}\r\n\
             CSeq: 1 BYE\r\n\
             Max-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n"
        );
        self.busy[leg.operator] -= 1;
        leg.bye = Some(bye.clone());
        self.send(&bye);
        self.unconfirmed.push_back((now + T1, id.to_owned()));
    }

    /// Sends again what was not confirmed within T1: an answer without its ACK, a BYE without its 200.
    pub(crate) fn on_time(&mut self, now: Instant) {
        while self.unconfirmed.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, id)) = self.unconfirmed.pop_front() else {
                return;
            };
            let again = match self.legs.get(&id) {
                Some(Leg { bye: Some(bye), .. }) => bye,
                Some(leg) if !leg.acknowledged => &leg.answer,
                _ => continue,
            };
            self.send(again);
            self.retransmissions += 1;
            self.unconfirmed.push_back((now + T1, id));
        }
    }
}

fn refused(user: &str, why: &str) -> io::Error {
    io::Error::other(format!("operator {user} {why}"))
}

/// Answers an MD5 challenge (RFC 7616 §3.4).
fn authorize(challenge: &str, user: &str, secret: &str, engine: SocketAddr) -> Option<String> {
    let value = |name: &str| {
        let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    let (realm, nonce, cnonce) = (value("realm")?, value("nonce")?, "load");
    let uri = format!("sip:{engine}");
    let qop = AuthQop::Auth {
        cnonce: cnonce.to_owned(),
        nc: 1,
    };
    let response = compute_digest(
        user,
        secret,
        realm,
        nonce,
        &Method::Register,
        &uri,
        Algorithm::Md5,
        Some(&qop),
    );
    Some(format!(
        "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"{cnonce}\"\r\n"
    ))
}
