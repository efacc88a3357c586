//! sipp, the independent peer: callers and operators from the scenarios in `sip-fixtures/sipp`.

use crate::{Place, Process, SECRET};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use tokio::process::Command;

/// Where a sipp's phones wait for calls, on its own address.
const SIP_PORT: u16 = 5060;

/// Where a sipp registers from, so that it does not meet the one that waits.
const REGISTER_PORT: u16 = 5070;

/// Seconds after which sipp itself gives up.
const TIMEOUT_SECONDS: &str = "60";

/// A sipp to be started.
pub struct Sipp {
    name: String,
    ip: IpAddr,
    args: Vec<String>,
    remote: Option<SocketAddr>,
}

/// A running sipp.
pub struct SippRun {
    process: Process,
    ip: IpAddr,
    log: PathBuf,
}

impl Sipp {
    /// Plays `scenario` for `calls` calls, on an address of its own.
    pub fn new(place: &Place, scenario: &str, calls: usize) -> Sipp {
        Sipp::at(place.address(), scenario, calls)
    }

    fn at(ip: IpAddr, scenario: &str, calls: usize) -> Sipp {
        let file = format!(
            "{}/../sip-fixtures/sipp/{scenario}.xml",
            env!("CARGO_MANIFEST_DIR")
        );
        let name = format!("{scenario}-{ip}");
        let args = [
            "-sf",
            &file,
            "-i",
            &ip.to_string(),
            "-mi",
            &ip.to_string(),
            "-nostdin",
            "-m",
            &calls.to_string(),
        ];
        let args = args.map(str::to_owned).to_vec();
        Sipp {
            name,
            ip,
            args,
            remote: None,
        }
        .with(&["-timeout", TIMEOUT_SECONDS, "-timeout_error"])
    }

    /// Callers who dial `hotline` with these numbers, one after the other.
    pub fn callers<'a>(
        place: &Place,
        scenario: &str,
        to: SocketAddr,
        numbers: impl IntoIterator<Item = &'a str>,
    ) -> Sipp {
        let numbers: Vec<&str> = numbers.into_iter().collect();
        let mut sipp = Sipp::new(place, scenario, numbers.len());
        let list: String = numbers.iter().map(|number| format!("{number};\n")).collect();
        let list = place.write(&format!("{}.csv", sipp.name), format!("SEQUENTIAL\n{list}"));
        sipp.remote = Some(to);
        sipp.with(&["-s", "hotline", "-p", "5060", "-inf", &list.display().to_string()])
    }

    /// Further arguments.
    #[must_use]
    pub fn with(mut self, args: &[&str]) -> Sipp {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// Pauses of the scenario, in milliseconds.
    #[must_use]
    pub fn pausing(self, millis: u32) -> Sipp {
        self.with(&["-d", &millis.to_string()])
    }

    /// Starts it.
    pub fn start(self, place: &Place) -> SippRun {
        let log = place.dir().join(format!("{}.log", self.name));
        let errors = place.dir().join(format!("{}.err", self.name));
        let mut command = Command::new("sipp");
        command
            .args(self.remote.map(|remote| remote.to_string()))
            .args(&self.args);
        if self.remote.is_none() {
            command.args(["-p", &SIP_PORT.to_string()]);
        }
        command
            .args(["-trace_logs", "-log_file"])
            .arg(&log)
            .args(["-trace_err", "-error_file"])
            .arg(errors);
        SippRun {
            process: Process::start(place, &self.name, &mut command),
            ip: self.ip,
            log,
        }
    }
}

impl SippRun {
    /// Waits for its end: all its calls went as the scenario says.
    ///
    /// # Panics
    /// When one did not.
    pub async fn succeeded(&mut self) {
        let status = self.process.ended().await;
        assert!(status.success(), "sipp ended with {status}");
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// The callers' numbers in the order in which this operator's phone rang for them.
    pub fn rung_by(&self) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let rung = log.lines().filter_map(|line| line.split_once("rung by sip:"));
        rung.map(|(_, number)| number.trim_end_matches('@').to_owned())
            .collect()
    }

    /// Registers `users` at `engine`, with this sipp as their phone; zero seconds unregister.
    pub async fn register(&self, place: &Place, engine: SocketAddr, users: &[&str], seconds: u32) {
        // The same address as the phone that waits, as a real phone would register.
        let mut sipp = Sipp::at(self.ip, "register", users.len());
        let line = |user: &&str| format!("{user};[authentication username={user} password={SECRET}]\n");
        let list: String = users.iter().map(line).collect();
        let list = place.write(&format!("{}.csv", sipp.name), format!("SEQUENTIAL\n{list}"));
        sipp.remote = Some(engine);
        let (contact, expires, from) = (
            SIP_PORT.to_string(),
            seconds.to_string(),
            REGISTER_PORT.to_string(),
        );
        let list = list.display().to_string();
        let keys = ["-key", "contact_port", &contact, "-key", "expires", &expires];
        let sipp = sipp.with(&keys).with(&["-p", &from, "-inf", &list]);
        sipp.start(place).succeeded().await;
    }
}
