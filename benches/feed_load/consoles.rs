//! Consoles, all read by one thread, which only looks at the numbers of what they are sent.

use crate::frames::{self, Frame, PONG};
use crate::source::Plan;
use benches::cost::Durations;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long after the last event was due the consoles may still be behind.
const PATIENCE: Duration = Duration::from_secs(10);

/// Octets read at a time.
const READ_OCTETS: usize = 64 << 10;

/// The longest answer to an upgrade, in octets.
const ANSWER_OCTETS_MAX: usize = 4096;

/// What all consoles saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// From the moment an event was due until a console had it, in the time that is measured.
    pub(crate) delays: Durations,
    /// How many there are of them.
    pub(crate) deltas: u64,
    /// Deltas that did not come: jumped over, replaced by the whole state, or not there when patience ended.
    pub(crate) missed: u64,
}

impl Seen {
    /// Whether everybody saw everything.
    pub(crate) fn complete(&self) -> bool {
        self.missed == 0
    }
}

/// Connected consoles.
pub(crate) struct Consoles {
    poll: Poll,
    consoles: Vec<Console>,
}

struct Console {
    stream: TcpStream,
    /// What came and is not a whole frame yet.
    rest: Vec<u8>,
    /// The number that comes next.
    next: u64,
    /// Whether it has begun, with a snapshot.
    begun: bool,
}

impl Consoles {
    pub(crate) fn connect(feed: SocketAddr, count: u32) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut consoles = Vec::new();
        for index in 0..count as usize {
            let (stream, rest) = upgraded(feed)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(index), Interest::READABLE)?;
            consoles.push(Console {
                stream,
                rest,
                next: 1,
                begun: false,
            });
        }
        Ok(Self { poll, consoles })
    }

    /// Reads until every console has the last event, or patience ends.
    pub(crate) fn watch(mut self, plan: Plan) -> io::Result<Seen> {
        let mut seen = Seen::default();
        let mut events = Events::with_capacity(self.consoles.len());
        let mut buffer = vec![0; READ_OCTETS];
        let deadline = plan.due(plan.last) + PATIENCE;
        let mut behind = self.consoles.len();
        while behind > 0 && Instant::now() < deadline {
            // Never asleep: otherwise the feed would be charged for waking this thread, which real consoles are not on.
            match self.poll.poll(&mut events, Some(Duration::ZERO)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                if let Some(console) = self.consoles.get_mut(event.token().0) {
                    let was_behind = console.next <= plan.last;
                    console.read(&plan, &mut buffer, &mut seen)?;
                    behind -= usize::from(was_behind && console.next > plan.last);
                }
            }
        }
        let left = |console: &Console| plan.last + 1 - console.next;
        seen.missed += self.consoles.iter().map(left).sum::<u64>();
        Ok(seen)
    }
}

impl Console {
    fn read(&mut self, plan: &Plan, buffer: &mut [u8], seen: &mut Seen) -> io::Result<()> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::Error::other("the feed hung up on a console")),
                Ok(count) => {
                    self.rest.extend_from_slice(&buffer[..count]);
                    self.take(plan, seen)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the whole frames that are there.
    fn take(&mut self, plan: &Plan, seen: &mut Seen) -> io::Result<()> {
        let now = Instant::now();
        let mut taken = 0;
        while let Some((frame, length)) = frames::first(&self.rest[taken..]) {
            taken += length;
            match frame {
                Frame::Delta(number) => {
                    seen.missed += number.saturating_sub(self.next);
                    self.next = number + 1;
                    if plan.counts(number) {
                        let delay = now.saturating_duration_since(plan.due(number));
                        seen.delays.add_micros(delay.as_micros() as u64);
                        seen.deltas += 1;
                    }
                }
                Frame::Snapshot if self.begun => seen.missed += 1,
                Frame::Snapshot => self.begun = true,
                Frame::Ping => self.stream.write_all(&PONG)?,
                Frame::Close => return Err(io::Error::other("the feed closed a console")),
                Frame::Other => {}
            }
        }
        self.rest.drain(..taken);
        Ok(())
    }
}

/// Consoles that never read what they are sent.
pub(crate) fn stalled(feed: SocketAddr, count: u32) -> io::Result<Vec<std::net::TcpStream>> {
    (0..count)
        .map(|_| upgraded(feed).map(|(stream, _)| stream))
        .collect()
}

/// A connection on which the feed has begun, and what came with the answer.
fn upgraded(feed: SocketAddr) -> io::Result<(std::net::TcpStream, Vec<u8>)> {
    let mut stream = std::net::TcpStream::connect(feed)?;
    write!(
        stream,
        "GET /feed HTTP/1.1\r\nHost: {feed}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        answer.extend_from_slice(&buffer[..count]);
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            if !answer.starts_with(b"HTTP/1.1 101") {
                return Err(io::Error::other("the feed refused a console"));
            }
            return Ok((stream, answer.split_off(end + 4)));
        }
        if count == 0 || answer.len() > ANSWER_OCTETS_MAX {
            return Err(io::Error::other("the feed did not answer a console"));
        }
    }
}
