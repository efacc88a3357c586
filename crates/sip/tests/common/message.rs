//! A SIP message as it came, read as far as a test asks.

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Msg {
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Msg {
    pub fn parse(bytes: &[u8]) -> Msg {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("a header end");
        let mut lines = head.split("\r\n");
        let start = lines.next().expect("a start line").to_owned();
        let headers = lines
            .filter_map(|l| l.split_once(':'))
            .map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()))
            .collect();
        Msg {
            start,
            headers,
            body: body.to_owned(),
        }
    }

    pub fn get(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map_or("", |(_, v)| v)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub fn status(&self) -> u16 {
        let code = self
            .start
            .strip_prefix("SIP/2.0 ")
            .and_then(|r| r.get(..3))
            .and_then(|c| c.parse().ok());
        code.unwrap_or_else(|| panic!("not a response: {}", self.start))
    }

    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    pub fn tag(&self, name: &str) -> &str {
        self.get(name)
            .split(";tag=")
            .nth(1)
            .and_then(|r| r.split(';').next())
            .unwrap_or_default()
    }

    pub fn cseq(&self) -> u32 {
        self.get("CSeq")
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a CSeq")
    }

    /// The URI of Contact.
    pub fn contact(&self) -> String {
        let value = self.get("Contact");
        value
            .split('<')
            .nth(1)
            .and_then(|r| r.split('>').next())
            .expect("a contact")
            .to_owned()
    }

    /// The RTP port of the description.
    pub fn rtp(&self) -> u16 {
        let line = self
            .body
            .lines()
            .find(|l| l.starts_with("m=audio "))
            .expect("an audio line");
        line.split(' ')
            .nth(1)
            .and_then(|p| p.parse().ok())
            .expect("a port")
    }
}
