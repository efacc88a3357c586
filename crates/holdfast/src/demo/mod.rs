//! `holdfast demo`: the very engine that `serve` runs, alive without a phone.
//!
//! Owns simulated callers and operators who dial and register over real SIP and RTP on loopback, and a line of
//! status. What always holds: they know of the engine only what any phone could know; their times and the engine's
//! clock run at the same rate, so that a day in time-lapse is the same day; at the end every call is hung up, every
//! phone unregistered, and the folder of journal and records removed.
//!
//! Deliberately not here: predictions. A virtual day that is exact, repeatable and a thousand times faster is what
//! the simulator is for; here phones ring in real time, and two runs differ by microseconds.

mod callers;
mod dice;
mod house;
mod operators;
mod status;

use crate::banner::Banner;
use crate::serve::{ServeError, Server};
use clap::Args;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use telemetry::{LogFormat, init_tracing};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long the simulated people may take to hang up and go home.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// What can be set about a demonstration.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Calls offered in an hour of the engine's time, at exponential gaps.
    #[arg(long, default_value_t = 120.0, value_parser = positive)]
    calls_per_hour: f64,
    /// Operators who work.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=200))]
    operators: u32,
    /// Lines by day (08:00-18:00 on weekdays).
    #[arg(long, default_value_t = 12)]
    lines: u32,
    /// Lines at all other times.
    #[arg(long, default_value_t = 4)]
    lines_otherwise: u32,
    /// Time-lapse: how many seconds pass for the engine and its people in one second.
    #[arg(long, default_value_t = 10.0, value_parser = positive)]
    speed: f64,
    /// Where the engine's clock begins.
    #[arg(long, value_name = "MOMENT", default_value = "2026-11-23T09:00:00+08:00")]
    start: String,
    /// Mean patience of a caller, in seconds of the engine's time.
    #[arg(long, default_value_t = 150.0, value_parser = positive)]
    patience: f64,
    /// Mean length of a talk, in seconds of the engine's time.
    #[arg(long, default_value_t = 180.0, value_parser = positive)]
    talk: f64,
    /// Seed of all that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where SIP is spoken. You can call in with a softphone of your own: sip:hotline@ADDRESS.
    #[arg(long, default_value = "127.0.0.1:5060")]
    sip: SocketAddr,
    /// Where the page, the feed and the metrics are.
    #[arg(long, default_value = "127.0.0.1:8080")]
    web: SocketAddr,
    /// The folder that holds prompts/ and music/.
    #[arg(long, default_value = "config")]
    audio: PathBuf,
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err("it must be above 0".to_owned())
    }
}

/// Why a demonstration did not come about.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The options make no configuration that could be served.
    #[error("these options do not go together: {0}")]
    Options(String),
    /// The engine did not start, or broke off.
    #[error("{0}; is another engine running? --sip and --web choose other addresses")]
    Serve(#[from] ServeError),
    /// A simulated phone could not be switched on.
    #[error("a simulated phone failed: {0}")]
    Phone(#[from] phone::PhoneError),
    /// The folder of journal and records, a thread or standard output is not to be had.
    #[error("the operating system refuses: {0}")]
    System(#[from] io::Error),
}

/// What all simulated people share.
struct World {
    options: Options,
    engine: SocketAddr,
    /// Set when it is time to go home.
    closing: CancellationToken,
}

impl World {
    /// How long `seconds` of the engine's time take here.
    fn lapse(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds / self.options.speed)
    }
}

/// The whole of `holdfast demo`.
///
/// # Errors
/// When the engine or a phone does not start, or the queue core breaks off.
pub fn run(options: Options) -> Result<(), DemoError> {
    let _log = init_tracing(LogFormat::Compact, "warn").map_err(ServeError::from)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(play(options))
}

async fn play(options: Options) -> Result<(), DemoError> {
    let mut signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let folder = house::Folder::create()?;
    let config = house::config(&options, &folder)?;
    let server = Server::start(config).await?;
    let engine = server
        .sip_addrs()
        .first()
        .map_or(options.sip, |(_, address)| *address);
    show_banner(&server)?;

    let world = Arc::new(World {
        options,
        engine,
        closing: CancellationToken::new(),
    });
    let mut people = JoinSet::new();
    operators::arrive(&world, &mut people).await?;
    people.spawn(callers::arrive(world.clone()));
    let status = tokio::spawn(status::show(world.clone(), server.registry().clone()));

    let until_told = async {
        told_to_stop(&mut signals).await;
        world.closing.cancel();
        let _ = timeout(LEAVE_TIMEOUT, async {
            while people.join_next().await.is_some() {}
        })
        .await;
    };
    // The server itself ends within a second then: there is nothing left to hurry.
    let told_again = std::future::pending();
    let served = server.run(until_told, told_again).await;
    status.abort();
    served?;
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_stop((interrupt, terminate): &mut (Signal, Signal)) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn show_banner(server: &Server) -> io::Result<()> {
    let mut out = io::stdout();
    let colours = out.is_terminal();
    write!(
        out,
        "{}",
        Banner {
            name: "Demonstration",
            addresses: server.addresses(),
            colours
        }
    )?;
    let (name, secret) = (house::operator_name(0), house::SECRET);
    writeln!(
        out,
        "  Sign in on the page as the operator {name} or as `supervisor`, secret \"{secret}\". Ctrl-C ends it.\n"
    )?;
    out.flush()
}
