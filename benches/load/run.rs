//! One run: arrivals at their times, datagrams as they come, hang-ups when the talk is over.

use crate::callers::{Callers, Stage};
use crate::operators::{Heard, Operators};
use crate::report::{Report, Sample};
use crate::wire::Message;
use crate::{Options, engine};
use mio::net::UdpSocket as MioSocket;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const CALLERS: Token = Token(0);
const OPERATORS: Token = Token(1);

/// Receive and send buffer of each socket in bytes; the kernel grants what it allows.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// How long the calls in hand may take to end after the last arrival.
const RUN_OUT: Duration = Duration::from_secs(40);

/// How often retransmissions are looked for.
const RETRANSMIT_EVERY: Duration = Duration::from_millis(100);

/// The longest sleep between two looks at the clock.
const SLEEP_MAX: Duration = Duration::from_millis(5);

/// Runs the load and says what came of it.
///
/// # Errors
/// When a socket cannot be opened or the operators cannot register.
pub(crate) fn run(options: &Options) -> io::Result<Report> {
    Run::new(options)?.go()
}

/// Which end hangs up a call, and when.
struct HangUp {
    due: Instant,
    caller: usize,
    /// The operator's leg, when it is the operator who does.
    leg: Option<String>,
}

struct Run<'a> {
    options: &'a Options,
    callers: Callers,
    operators: Operators,
    /// Callers no phone has rung for yet, oldest first.
    waiting: BTreeSet<usize>,
    hang_ups: VecDeque<HangUp>,
    inversions: u64,
    open: usize,
    oldest: usize,
    ended: Vec<Option<Instant>>,
}

impl<'a> Run<'a> {
    fn new(options: &'a Options) -> io::Result<Self> {
        let (caller_socket, caller_address) = socket(options.callers)?;
        let (phone_socket, phone_address) = socket(options.phones)?;
        // Audio goes to a port nobody reads: the kernel drops it when its buffer is full.
        let callers = Callers::new(caller_socket, caller_address, options.engine, &options.dial, 9);
        let operators = Operators::new(phone_socket, phone_address, options.engine, options.operators, 9);
        Ok(Self {
            options,
            callers,
            operators,
            waiting: BTreeSet::new(),
            hang_ups: VecDeque::new(),
            inversions: 0,
            open: 0,
            oldest: 0,
            ended: Vec::new(),
        })
    }

    fn go(mut self) -> io::Result<Report> {
        self.operators.register(&self.options.secret)?;
        self.callers.socket().set_nonblocking(true)?;
        let mut poll = Poll::new()?;
        let mut caller_events = MioSocket::from_std(self.callers.socket().try_clone()?);
        let mut phone_events = MioSocket::from_std(self.operators.socket().try_clone()?);
        poll.registry()
            .register(&mut caller_events, CALLERS, Interest::READABLE)?;
        poll.registry()
            .register(&mut phone_events, OPERATORS, Interest::READABLE)?;

        let mut gaps = Gaps::new(self.options.seed, self.options.rate);
        let start = Instant::now();
        let measured = start + Duration::from_secs(self.options.warm_up);
        let last = measured + Duration::from_secs(self.options.seconds);
        let mut cpu_before = None;
        let mut cpu_after = None;
        let mut next_arrival = start;
        let mut next_look = start;
        let mut events = Events::with_capacity(16);
        loop {
            let now = Instant::now();
            if now >= measured && cpu_before.is_none() {
                cpu_before = Some(self.cpu());
            }
            if now >= last && cpu_after.is_none() {
                cpu_after = Some(self.cpu());
            }
            while next_arrival <= now && next_arrival < last {
                self.arrive(now);
                next_arrival += gaps.next();
            }
            if now >= last && ((self.open == 0 && self.operators.are_idle()) || now >= last + RUN_OUT) {
                break;
            }
            self.hang_up_due(now);
            if now >= next_look {
                self.callers.on_time(self.oldest, now);
                self.operators.on_time(now);
                next_look = now + RETRANSMIT_EVERY;
            }
            let wake = next_arrival.min(self.hang_ups.front().map_or(next_look, |next| next.due));
            poll.poll(
                &mut events,
                Some(wake.saturating_duration_since(now).min(SLEEP_MAX)),
            )?;
            self.read_callers();
            self.read_operators();
        }
        let cpu = cpu_before
            .flatten()
            .zip(cpu_after.flatten())
            .map(|(before, after)| after - before);
        Ok(self.report(measured, last, cpu))
    }

    fn cpu(&self) -> Option<f64> {
        self.options.engine_pid.and_then(engine::cpu_seconds)
    }

    fn arrive(&mut self, now: Instant) {
        self.waiting.insert(self.callers.calls.len());
        self.callers.arrive(now);
        self.ended.push(None);
        self.open += 1;
    }

    fn hang_up_due(&mut self, now: Instant) {
        while self.hang_ups.front().is_some_and(|next| next.due <= now) {
            match self.hang_ups.pop_front() {
                Some(HangUp { leg: Some(leg), .. }) => self.operators.hang_up(&leg, now),
                Some(HangUp {
                    caller, leg: None, ..
                }) => self.callers.hang_up(caller, now),
                None => {}
            }
        }
    }

    fn read_callers(&mut self) {
        let mut datagram = [0; 4_096];
        while let Ok(length) = self.callers.socket().recv(&mut datagram) {
            let Some(message) = datagram.get(..length).and_then(Message::new) else {
                continue;
            };
            if let Some(over) = self.callers.read(message) {
                self.over(over, Instant::now());
            }
        }
    }

    fn over(&mut self, caller: usize, now: Instant) {
        self.waiting.remove(&caller);
        self.open -= 1;
        self.ended[caller] = Some(now);
        while self.ended.get(self.oldest).is_some_and(Option::is_some) {
            self.oldest += 1;
        }
    }

    fn read_operators(&mut self) {
        let mut datagram = [0; 4_096];
        while let Ok(length) = self.operators.socket().recv(&mut datagram) {
            let Some(message) = datagram.get(..length).and_then(Message::new) else {
                continue;
            };
            let now = Instant::now();
            match self.operators.read(message, now) {
                Some(Heard::Rung { caller }) => self.rung(caller, now),
                Some(Heard::Connected { caller, leg }) => self.connected(caller, leg, now),
                Some(Heard::Ended { caller }) => {
                    if let Some(call) = self.callers.calls.get_mut(caller) {
                        call.phone_over = true;
                    }
                }
                None => {}
            }
        }
    }

    fn rung(&mut self, caller: usize, now: Instant) {
        let Some(call) = self.callers.calls.get_mut(caller) else {
            return;
        };
        if call.rung.replace(now).is_none() {
            // Everybody who came earlier and still waits was overtaken by this one.
            self.inversions += self.waiting.range(..caller).count() as u64;
            self.waiting.remove(&caller);
        }
    }

    fn connected(&mut self, caller: usize, leg: String, now: Instant) {
        if let Some(call) = self.callers.calls.get_mut(caller) {
            call.connected = true;
            let leg = (caller % 2 == 1).then_some(leg);
            self.hang_ups.push_back(HangUp {
                due: now + self.options.talk(),
                caller,
                leg,
            });
        }
    }

    fn report(self, from: Instant, to: Instant, cpu_seconds: Option<f64>) -> Report {
        let span = (to - from).as_secs_f64();
        let offered = self
            .callers
            .calls
            .iter()
            .zip(&self.ended)
            .filter(|(call, _)| call.sent >= from);
        let samples = offered.map(|(call, ended)| Sample {
            completed: call.stage == Stage::Done && call.connected && call.phone_over,
            ended_in_time: ended.is_some_and(|at| at <= to),
            to_ring: call.rung.map(|rung| rung - call.sent),
        });
        let mut refusals = self.callers.refusals;
        refusals.sort_unstable();
        Report::new(span, samples, cpu_seconds)
            .with_order(
                self.inversions,
                self.operators.double_offers,
                self.callers.second_answers,
            )
            .with_trouble(
                self.callers.retransmissions + self.operators.retransmissions,
                self.operators.cancelled,
                refusals,
            )
    }
}

fn socket(ip: IpAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(SocketAddr::new(ip, 0)), Type::DGRAM, None)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.bind(&SocketAddr::new(ip, 0).into())?;
    let socket = UdpSocket::from(socket);
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// Exponential gaps between arrivals, from a seed (SplitMix64).
struct Gaps {
    state: u64,
    mean_seconds: f64,
}

impl Gaps {
    fn new(seed: u64, rate: f64) -> Self {
        Self {
            state: seed,
            mean_seconds: 1.0 / rate,
        }
    }

    fn next(&mut self) -> Duration {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let uniform = ((z >> 11) as f64 + 1.0) / (1u64 << 53) as f64;
        Duration::from_secs_f64(-uniform.ln() * self.mean_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::Gaps;

    #[test]
    fn the_gaps_have_the_mean_that_was_asked_for() {
        let mut gaps = Gaps::new(7, 500.0);
        let total: f64 = (0..50_000).map(|_| gaps.next().as_secs_f64()).sum();
        assert!(
            (total / 50_000.0 - 0.002).abs() < 0.000_05,
            "{}",
            total / 50_000.0
        );
    }
}
