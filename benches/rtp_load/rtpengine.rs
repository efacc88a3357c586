//! A peer to be measured beside: rtpengine, in user space, as a process of its own with one worker thread.
//!
//! Calls are made known to it by its control protocol (`ng`: bencoded dictionaries over UDP). It runs on the core of
//! whoever starts it, and ends with this value.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to start, or to answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Rtpengine {
    process: Child,
    control: UdpSocket,
    /// Numbers our requests.
    cookie: u64,
    /// Where the other phone of the call opened last is to send to.
    awaited: Option<SocketAddr>,
}

impl Rtpengine {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let control = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        // Free a moment ago, and nobody else starts servers here.
        let listen = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = Command::new("rtpengine")
            .args([
                "--config-file=none",
                "--foreground",
                "--log-level=3",
                "--table=-1",
            ])
            .args(["--interface=127.0.0.1", "--num-threads=1", "--delete-delay=0"])
            .args(["--port-min=10000", "--port-max=60000"])
            .arg(format!("--listen-ng={listen}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("rtpengine does not start ({e}); Debian has it as rtpengine-daemon"))?;
        control.connect(listen)?;
        let (cookie, awaited) = (0, None);
        let mut rtpengine = Self {
            process,
            control,
            cookie,
            awaited,
        };
        let started = Instant::now();
        while rtpengine.ask("4:ping", Duration::from_millis(100)).is_err() {
            if started.elapsed() > PATIENCE {
                return Err("rtpengine does not answer a ping".into());
            }
        }
        Ok(rtpengine)
    }

    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    /// Makes a phone of a call known; gives where it is to send to. Both have to be told of before either can be: at
    /// first the caller is told to talk with itself.
    pub(crate) fn open(
        &mut self,
        call: u64,
        leg: u32,
        phone: SocketAddr,
    ) -> Result<SocketAddr, Box<dyn Error>> {
        if leg > 0 {
            self.describe("answer", call, phone)?;
            return self
                .awaited
                .take()
                .ok_or_else(|| "an answer without an offer".into());
        }
        self.awaited = Some(self.describe("offer", call, phone)?);
        self.describe("answer", call, phone)
    }

    fn describe(
        &mut self,
        command: &str,
        call: u64,
        phone: SocketAddr,
    ) -> Result<SocketAddr, Box<dyn Error>> {
        let (ip, port) = (phone.ip(), phone.port());
        let sdp = format!(
            "v=0\r\no=- {call} {call} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=ptime:20\r\n"
        );
        let text = |text: &str| format!("{}:{text}", text.len());
        let to = if command == "answer" { "6:to-tag1:b" } else { "" };
        let request = format!(
            "{}7:call-id{}8:from-tag1:a{to}3:sdp{}3:ICE6:remove",
            text(command),
            text(&call.to_string()),
            text(&sdp)
        );
        let answer = self.ask(&request, PATIENCE)?;
        let port = answer
            .split("m=audio ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let port: u16 = port
            .ok_or_else(|| format!("rtpengine answered: {answer}"))?
            .parse()?;
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }

    /// Sends a command, with what follows its name, and waits for the answer to it.
    fn ask(&mut self, command: &str, patience: Duration) -> Result<String, Box<dyn Error>> {
        self.cookie += 1;
        let cookie = format!("{} ", self.cookie);
        self.control
            .send(format!("{cookie}d7:command{command}e").as_bytes())?;
        self.control.set_read_timeout(Some(patience))?;
        let mut answer = [0; 4_096];
        loop {
            let length = self.control.recv(&mut answer)?;
            let answer = std::str::from_utf8(&answer[..length])?;
            if let Some(answer) = answer.strip_prefix(&cookie) {
                return Ok(answer.to_owned());
            }
        }
    }
}

impl Drop for Rtpengine {
    fn drop(&mut self) {
        let ended: io::Result<_> = self.process.kill().and_then(|()| self.process.wait());
        if let Err(e) = ended {
            eprintln!("rtp_load: rtpengine does not end: {e}");
        }
    }
}
