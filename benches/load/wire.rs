//! As much SIP text as a load generator needs: find a header, answer a request.

/// A SIP message, read in place.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    text: &'a str,
}

impl<'a> Message<'a> {
    pub(crate) fn new(datagram: &'a [u8]) -> Option<Message<'a>> {
        std::str::from_utf8(datagram).ok().map(|text| Message { text })
    }

    fn start(self) -> &'a str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The status of a response.
    pub(crate) fn status(self) -> Option<u16> {
        self.start().strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method of a request.
    pub(crate) fn method(self) -> &'a str {
        self.start().split(' ').next().unwrap_or_default()
    }

    /// The first value of a header, by its long name.
    pub(crate) fn header(self, name: &str) -> Option<&'a str> {
        self.headers(name).next()
    }

    /// All values of a header, by its long name.
    pub(crate) fn headers(self, name: &str) -> impl Iterator<Item = &'a str> {
        let lines = self.text.lines().take_while(|line| !line.is_empty());
        lines.filter_map(move |line| {
            let (found, value) = line.split_once(':')?;
            found.trim_end().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The method in CSeq, which tells what a response answers.
    pub(crate) fn cseq_method(self) -> &'a str {
        self.header("CSeq")
            .and_then(|value| value.split(' ').nth(1))
            .unwrap_or_default()
    }

    /// The user part of the URI in a header such as From.
    pub(crate) fn user_in(self, name: &str) -> Option<&'a str> {
        self.header(name)?
            .split_once("sip:")?
            .1
            .split_once('@')
            .map(|(user, _)| user)
    }

    /// The user part of the request URI.
    pub(crate) fn dialled_user(self) -> Option<&'a str> {
        self.start()
            .split_once("sip:")?
            .1
            .split_once('@')
            .map(|(user, _)| user)
    }

    /// The URI of Contact, without its brackets.
    pub(crate) fn contact(self) -> Option<&'a str> {
        let value = self.header("Contact")?;
        match value.split_once('<') {
            Some((_, rest)) => rest.split_once('>').map(|(uri, _)| uri),
            None => Some(value),
        }
    }

    /// A response to this request. `tag` is added to To unless there is one.
    pub(crate) fn reply(self, status: &str, tag: &str, extra: &str, body: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for via in self.headers("Via") {
            text.extend(["Via: ", via, "\r\n"]);
        }
        for name in ["From", "Call-ID", "CSeq"] {
            text.extend([name, ": ", self.header(name).unwrap_or_default(), "\r\n"]);
        }
        let to = self.header("To").unwrap_or_default();
        text.extend(["To: ", to]);
        if !to.contains(";tag=") {
            text.extend([";tag=", tag]);
        }
        text.extend(["\r\n", extra]);
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        text
    }
}

/// A session description that wants its audio at `ip`:`port`, in PCMA.
pub(crate) fn sdp(ip: std::net::IpAddr, port: u16) -> String {
    format!(
        "v=0\r\no=load 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:op7@127.0.0.3:6000 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=1\r\n\
        VIA: SIP/2.0/UDP b;branch=2\r\nFrom: \"x\" <sip:42@h>;tag=f\r\nTo: <sip:op7@h>\r\nCall-ID: id\r\n\
        CSeq: 1 INVITE\r\nContact: <sip:e@h:5>;x\r\n\r\nTo: not a header";

    #[test]
    fn a_request_is_read() {
        let invite = Message::new(INVITE.as_bytes()).unwrap();
        assert_eq!((invite.status(), invite.method()), (None, "INVITE"));
        assert_eq!(invite.user_in("From"), Some("42"));
        assert_eq!(invite.dialled_user(), Some("op7"));
        assert_eq!(invite.contact(), Some("sip:e@h:5"));
        assert_eq!(invite.cseq_method(), "INVITE");
        assert_eq!(invite.header("Subject"), None);
    }

    #[test]
    fn a_reply_carries_every_via_and_one_tag() {
        let reply = Message::new(INVITE.as_bytes())
            .unwrap()
            .reply("180 Ringing", "t", "X: y\r\n", "");
        let reply = Message::new(reply.as_bytes()).unwrap();
        assert_eq!(reply.status(), Some(180));
        assert_eq!(reply.headers("Via").count(), 2);
        assert_eq!(reply.header("To"), Some("<sip:op7@h>;tag=t"));
        assert_eq!(reply.header("X"), Some("y"));
    }
}
