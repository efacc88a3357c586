//! What threads cost, by the kernel's accounting of each.

use rustix::thread::{CpuSet, sched_setaffinity};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// Processor time so far of a process's threads whose names begin with `prefix`: `self` is this process.
///
/// # Errors
/// When the kernel does not tell.
pub fn of_threads(process: &str, prefix: &str) -> io::Result<Duration> {
    let mut total = Duration::ZERO;
    for task in fs::read_dir(Path::new("/proc").join(process).join("task"))? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm"))?.starts_with(prefix) {
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

/// Lets this thread, and those it starts from now on, run on one core alone, or on any.
///
/// # Errors
/// When the kernel refuses.
pub fn pin_to_core(core: Option<usize>) -> io::Result<()> {
    // Asked once: later it would tell of the one core alone.
    static CORES: OnceLock<usize> = OnceLock::new();
    let cores = *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut set = CpuSet::new();
    match core {
        // A machine with a single core has no other to give.
        Some(core) => set.set(core.min(cores - 1)),
        None => (0..cores).for_each(|core| set.set(core)),
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Octets of this process that are in memory.
///
/// # Errors
/// When the kernel does not tell.
pub fn resident_octets() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?
            .trim()
            .strip_suffix(" kB")?
            .trim()
            .parse::<u64>()
            .ok()
    });
    Ok(kilobytes.unwrap_or(0) * 1_024)
}

/// Descriptors that this process has open.
///
/// # Errors
/// When the kernel does not tell.
pub fn open_descriptors() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}

/// What the kernel alone takes to receive one packet and send it on, on this machine, now: the least
/// processor time that a relay with a socket a leg can cost.
///
/// # Errors
/// When a socket or the kernel's accounting fails.
pub fn of_a_bare_packet() -> io::Result<Duration> {
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
pub struct Durations(Vec<u32>);

impl Durations {
    /// One more.
    pub fn add_micros(&mut self, micros: u64) {
        self.0.push(u32::try_from(micros).unwrap_or(u32::MAX));
    }

    /// The duration below which `share` of all lie, 0 to 1; zero if there are none.
    pub fn percentile(&mut self, share: f64) -> Duration {
        if self.0.is_empty() {
            return Duration::ZERO;
        }
        let at = ((self.0.len() - 1) as f64 * share) as usize;
        Duration::from_micros(u64::from(*self.0.select_nth_unstable(at).1))
    }
}
