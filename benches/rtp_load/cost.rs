//! What the media threads cost, by the kernel's accounting of each thread.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// Processor time of this process's threads named `media-N` so far.
pub(crate) fn of_media_threads() -> io::Result<Duration> {
    let mut total = Duration::ZERO;
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm"))?.starts_with("media-") {
            total += on_cpu(&task)?;
        }
    }
    Ok(total)
}

/// Processor time of one thread so far: the first number of its `schedstat`, in nanoseconds.
fn on_cpu(task: &Path) -> io::Result<Duration> {
    let schedstat = fs::read_to_string(task.join("schedstat"))?;
    let nanos = schedstat.split_whitespace().next().and_then(|ns| ns.parse().ok());
    Ok(nanos.map_or(Duration::ZERO, Duration::from_nanos))
}

/// What the kernel alone takes to receive one packet and send it on, on this machine, now: the least
/// processor time that a relay with a socket a leg can cost.
pub(crate) fn of_a_bare_packet() -> io::Result<Duration> {
    const LEGS: usize = 1_000;
    const ROUNDS: u32 = 50;
    let this_thread = Path::new("/proc/thread-self");
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let (sender, sink) = (socket()?, socket()?);
    let legs = (0..LEGS).map(|_| socket()).collect::<io::Result<Vec<_>>>()?;
    let [from, to] = [sender.local_addr()?, sink.local_addr()?];
    for leg in &legs {
        leg.set_nonblocking(true)?;
        leg.connect(from)?;
    }
    let out = socket()?;
    out.connect(to)?;
    sink.set_nonblocking(true)?;
    let mut packet = [0xd5; 172];
    let mut spent = Duration::ZERO;
    for _ in 0..ROUNDS {
        for leg in &legs {
            sender.send_to(&packet, leg.local_addr()?)?;
        }
        let before = on_cpu(this_thread)?;
        for leg in &legs {
            leg.recv(&mut packet)?;
            out.send(&packet)?;
        }
        spent += on_cpu(this_thread)?.saturating_sub(before);
        while sink.recv(&mut packet).is_ok() {}
    }
    Ok(spent / ROUNDS / LEGS as u32)
}

/// Durations from which percentiles are read: kept whole, since a run is bounded.
#[derive(Default)]
pub(crate) struct Durations(Vec<u32>);

impl Durations {
    pub(crate) fn add_micros(&mut self, micros: u64) {
        self.0.push(u32::try_from(micros).unwrap_or(u32::MAX));
    }

    /// The duration below which `share` of all lie.
    pub(crate) fn percentile(&mut self, share: f64) -> Duration {
        if self.0.is_empty() {
            return Duration::ZERO;
        }
        let at = ((self.0.len() - 1) as f64 * share) as usize;
        Duration::from_micros(u64::from(*self.0.select_nth_unstable(at).1))
    }
}
