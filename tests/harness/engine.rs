//! The real binary, under a configuration made for the test.

use crate::{Feed, Left, Place, Process, Web, soon};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::Command;

/// The password of every operator, trunk and supervisor in the tests.
pub const SECRET: &str = "correct-horse-battery";

/// How often the engine is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// What is particular about a test's configuration. Further keys of a table are TOML lines.
#[derive(Clone)]
pub struct Settings {
    /// The engine's clock at its start.
    pub clock_start: &'static str,
    /// Operators, by name; each with [`SECRET`].
    pub operators: &'static [&'static str],
    /// Whether registering a phone makes its operator ready.
    pub auto_ready: bool,
    /// Calls in a row an operator may leave unanswered.
    pub no_answer_max: u32,
    /// Lines at the head of the file.
    pub head: &'static str,
    /// Further lines of `[[queues]]`.
    pub queue: &'static str,
    /// Further lines of `[engine]`.
    pub engine: &'static str,
    /// Further lines of each of `[[operators]]`.
    pub operator: &'static str,
    /// Further lines of `[[trunks]]`.
    pub trunk: &'static str,
    /// Further lines of `[sip]`.
    pub sip: &'static str,
    /// Further tables. The test's folder stands for `PLACE` in them.
    pub tables: &'static str,
    /// A phone outside: its address stands for `OUTSIDE` in all of these lines.
    pub outside: Option<SocketAddr>,
    /// RTP ports.
    pub ports: &'static str,
    /// The address to serve at instead of one of the place's own.
    pub address: Option<IpAddr>,
}

impl Default for Settings {
    /// A Monday morning: 12 lines, no wrap-up, no operator; at its end the engine hangs up soon.
    fn default() -> Self {
        Self {
            clock_start: "2026-11-23T10:00:00+08:00",
            operators: &[],
            auto_ready: true,
            no_answer_max: 1,
            head: "",
            queue: "wrap_up = \"0s\"",
            engine: "drain_timeout = \"1s\"",
            operator: "",
            trunk: "",
            sip: "",
            tables: "",
            outside: None,
            ports: "20000-20999",
            address: None,
        }
    }
}

impl Settings {
    fn toml(&self, ip: IpAddr, dir: &str) -> String {
        let host = if ip.is_ipv4() {
            ip.to_string()
        } else {
            format!("[{ip}]")
        };
        let bind = if ip.is_ipv4() { "bind_v4" } else { "bind_v6" };
        let Settings {
            clock_start,
            head,
            queue,
            engine,
            sip,
            trunk,
            auto_ready,
            no_answer_max,
            operator,
            ports,
            ..
        } = self;
        let mut text = format!(
            r#"
{head}
[log]
filter = "info,engine=debug,sip=debug"
[engine]
clock_start = "{clock_start}"
{engine}
[journal]
dir = "{dir}/journal"
[schedule]
time_zone = "Asia/Shanghai"
lines_otherwise = 4
windows = [{{ days = ["mon-fri"], from = "08:00", to = "18:00", lines = 12 }}]
[sip]
listen = ["udp:{host}:5060", "tcp:{host}:5060"]
{sip}
[media]
{bind} = "{ip}"
ports = "{ports}"
audio_dir = "{}"
[feed]
listen = "{host}:8080"
[[supervisors]]
name = "supervisor"
console_secret = "{SECRET}"
[[trunks]]
name = "loopback"
from = ["127.0.0.0/8", "::1"]
{trunk}
[[queues]]
name = "hotline"
dial = ["hotline", "12345"]
{queue}
"#,
            audio_dir().display(),
        );
        for name in self.operators {
            text.push_str(&format!(
                "[[operators]]\nname = \"{name}\"\nsecret = \"{SECRET}\"\nauto_ready = {auto_ready}\n\
                 no_answer_max = {no_answer_max}\n{operator}\n"
            ));
        }
        text.push_str(self.tables);
        let text = text.replace("PLACE", dir);
        match self.outside {
            Some(outside) => text.replace("OUTSIDE", &outside.to_string()),
            None => text,
        }
    }
}

/// The prompts and music that the project ships, which every engine of the tests has.
pub fn audio_dir() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "config"].iter().collect()
}

/// A running engine.
pub struct Engine {
    process: Process,
    ip: IpAddr,
}

impl Engine {
    /// The binary under test: `HOLDFAST_BIN`, or the one that was built beside the tests.
    ///
    /// # Panics
    /// When there is none.
    pub fn binary() -> PathBuf {
        if let Some(path) = std::env::var_os("HOLDFAST_BIN") {
            return path.into();
        }
        let tests = std::env::current_exe().expect("a test knows where it is");
        let built = tests
            .ancestors()
            .nth(2)
            .map(|target| target.join("holdfast"))
            .filter(|path| path.exists());
        built.expect("there is no holdfast binary; build it with `cargo build -p holdfast`")
    }

    /// Starts an engine in `place` and waits until it is ready. Started again in the same place with the same
    /// settings, it finds its journal there.
    pub async fn start(place: &Place, settings: &Settings) -> Engine {
        let ip = settings.address.unwrap_or_else(|| place.address());
        let toml = settings.toml(ip, &place.dir().display().to_string());
        let config = place.write("holdfast.toml", toml);
        let mut command = Command::new(Self::binary());
        let process = Process::start(place, "holdfast", command.args(["serve", "--config"]).arg(config));
        let mut engine = Engine { process, ip };
        let ready = async {
            while engine
                .web()
                .get("/readyz")
                .await
                .is_none_or(|(status, _)| status != 200)
            {
                assert!(
                    engine.process.is_running(),
                    "the engine did not start:\n{}",
                    engine.process.tail()
                );
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        soon("the engine to be ready", ready).await;
        engine
    }

    /// Where it listens for SIP.
    pub fn sip(&self) -> SocketAddr {
        SocketAddr::new(self.ip, 5060)
    }

    /// Its page, metrics and feed.
    pub fn web(&self) -> Web {
        Web(SocketAddr::new(self.ip, 8080))
    }

    /// Watches the feed from now on, as a supervisor.
    pub async fn feed(&self) -> Feed {
        Feed::connect(self.web().0, SECRET).await
    }

    /// Watches the feed from where a watcher left it, which may have been another run's.
    pub async fn feed_from(&self, left: &Left) -> Feed {
        Feed::resume(self.web().0, left).await
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Asks it to stop.
    pub async fn terminate(&self) {
        self.process.terminate().await;
    }

    /// Ends it at once, as `kill -9` does.
    pub async fn kill(mut self) {
        self.process.kill().await;
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Asks it to stop and checks that it ends in good order.
    ///
    /// # Panics
    /// When it ends with a failure.
    pub async fn stop(mut self) {
        self.terminate().await;
        let status = self.ended().await;
        assert!(
            status.success(),
            "the engine ended with {status}:\n{}",
            self.process.tail()
        );
    }
}
