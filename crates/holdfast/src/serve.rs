//! `holdfast serve`: starts the parts in the order in which they need each other, and stops them gracefully.

use crate::Config;
use crate::banner::{Addresses, Banner};
use crate::{browsers, descriptors, past};
use engine::{
    Beginning, Clock, Ended, Engine, EngineError, FillIn, House, RecordPolicy, Recovery, entrance, series_of,
    with_remarks,
};
use feed::{About, Account, Directory, Feed, FeedConfig, FeedError, Hub, Mount};
use journal::JournalError;
use media::{AudioConfig, Library, Media, MediaError, Unprepared};
use prometheus::Registry;
use records::{Records, RecordsConfig, RecordsError};
use sip::{Memory, PhoneOwner, Sip, SipError, Transport};
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use telemetry::{Metrics, Names, TelemetryError, init_tracing};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How long the calls may take to end once all were hung up.
const HANG_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// The loop turns at least once a second; after this long without a turn the engine counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// How often the loop's progress is looked at.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Why an engine did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Logs cannot be written as configured.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Prompts or RTP cannot be used.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The records' thread cannot be started.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// SIP cannot be started.
    #[error(transparent)]
    Sip(#[from] SipError),
    /// The loop cannot be started.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The HTTP edge cannot be started.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The system gives no threads, no signals or no standard output.
    #[error("the operating system refuses: {0}")]
    System(#[from] io::Error),
    /// The queue core broke off.
    #[error(
        "the queue core found itself in a state it must never be in and was stopped; \
         the log says where, and the journal holds what led there: please report it with both"
    )]
    Broken,
}

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Calls that were still up and had to be hung up.
    pub hung_up: usize,
}

/// A running engine with everything around it.
pub struct Server {
    engine: Engine,
    sip: Sip,
    feed: Feed,
    hub: Hub,
    records: Records,
    registry: Registry,
    addresses: Addresses,
    drain_timeout: Duration,
}

/// Starts an engine as `config` says and runs it until `until` is done, then stops it gracefully.
///
/// # Errors
/// When a part does not start, or the queue core breaks off.
pub async fn serve(config: Config, until: impl Future<Output = ()>) -> Result<Served, ServeError> {
    Server::start(config)
        .await?
        .run(until, std::future::pending())
        .await
}

/// The whole of `holdfast serve`: logs, threads, banner, signals.
///
/// # Errors
/// When a part does not start, or the queue core breaks off.
pub fn run(config: Config) -> Result<(), ServeError> {
    let _log = init_tracing(config.log.format, &config.log.filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = count_signals()?;
        let name = config.name.clone();
        let server = Server::start(config).await?;
        let mut out = io::stdout();
        let colours = out.is_terminal();
        write!(
            out,
            "{}",
            Banner {
                name: &name,
                addresses: server.addresses(),
                colours
            }
        )?;
        out.flush()?;
        let reached = |count: u32| {
            let mut signals = signals.clone();
            // An error means that no signal can come any more: then nothing asks to stop.
            async move {
                if signals.wait_for(|seen| *seen >= count).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        server.run(reached(1), reached(2)).await.map(drop)
    })
}

/// Counts SIGTERM and SIGINT as they come.
fn count_signals() -> io::Result<watch::Receiver<u32>> {
    let (count, seen) = watch::channel(0);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            count.send_modify(|count| *count += 1);
        }
    });
    Ok(seen)
}

/// Decodes and encodes what takes time, while calls are served. The process may end over it.
fn prepare_audio(rest: Unprepared) {
    let prepare = move || {
        let start = std::time::Instant::now();
        rest.prepare(|warning| tracing::warn!("{warning}"));
        tracing::info!(took = ?start.elapsed(), "music and prompts are ready in every codec");
    };
    if let Err(error) = std::thread::Builder::new().name("audio".into()).spawn(prepare) {
        tracing::warn!(%error, "no thread for decoding music: callers hear what takes no decoding, in G.711");
    }
}

impl Server {
    /// Starts everything: journal first, since it numbers the calls and knows those that are up; media before SIP, whose
    /// legs own ports, old ones before new ones; the loop last, when nothing else can fail. What the others tell it
    /// meanwhile waits for it.
    ///
    /// # Errors
    /// When a part does not start; those started before it end with the process.
    pub async fn start(config: Config) -> Result<Server, ServeError> {
        descriptors::allow(config.core.calls_max);
        let registry = Registry::new();
        // Beside the replay: callers who are up wait for both.
        let audio = AudioConfig {
            dir: config.audio_dir.clone(),
            languages: media::Language::ALL.to_vec(),
            music: config.music.clone(),
            codecs: config.sip.codecs,
        };
        let library = spawn_blocking(move || Library::open(&audio));
        let recovery = Recovery::read(&config.journal.dir)?;
        let clock = Clock::start_after(config.clock, recovery.last_at());
        let goes_on = past::goes_on(&recovery, &config.core);
        let told = recovery.told().clone();
        let (journal, opened, beginning, kept) =
            recovery.begin(&config.core, config.journal.options, clock.now(), goes_on)?;
        past::report(&opened);
        let (entrance, threshold) = entrance(&config.engine, &registry)?;

        let epoch = engine::epoch_of(opened.epoch, &kept, &entrance.keep());
        let hub = match &beginning {
            Beginning::Resumed(..) => Hub::new(epoch).after(told),
            Beginning::Empty(_) => Hub::new(epoch),
        };
        let (library, warnings, rest) = library.await.map_err(io::Error::other)??;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        prepare_audio(rest);
        let time: feed::Clock = {
            let clock = clock.clone();
            Arc::new(move || clock.now())
        };
        let records = Records::start(records_config(&config, epoch, time.clone()), &registry)?;
        let media = Media::start(
            config.media.clone(),
            library.clone(),
            &registry,
            with_remarks(entrance.media_events(), hub.clone(), records.clone()),
        )?;
        let mut sip_config = config.sip.clone();
        sip_config.first_call_id = opened.next_call;
        let sessions = feed::Memory {
            kept: kept.clone(),
            keep: Some(entrance.keep()),
        };
        let memory = Memory {
            kept,
            keep: Some(entrance.keep()),
        };
        let events = entrance.sip_events();
        let sip = Sip::resume(sip_config, media.clone(), &registry, events, memory).await?;

        let names = names(&config);
        let trunks = shared(&names.trunks);
        let metrics = Metrics::new(&names, &registry, time.clone())?;
        let parts = (sip.clone(), media, library);
        let telemetry = (metrics, names);
        let watchers = (hub.clone(), records.clone());
        let house = House::new(parts, config.languages.clone(), watchers, telemetry, &registry)?
            .recording(config.recorded.clone());
        let fill_in = FillIn {
            dir: config.journal.dir.clone(),
            trunks,
            until: clock.now(),
            continues: matches!(beginning, Beginning::Resumed(..)),
        };
        let requests = entrance.requests();
        let listening = sip.local_addrs();
        let about = |addresses: &Addresses| About {
            name: config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time_zone: config.core.schedule.time_zone.clone(),
            dial: addresses.dial.clone(),
            register: addresses.register.clone(),
        };
        let before = Addresses::new(&config, &listening, config.feed.listen);
        let mounts = vec![browsers::mount(&sip)];
        let kept = (sessions, records.clone());
        let feed_config = feed_config(&config, about(&before), time, kept, mounts);
        let feed = feed::start(feed_config, hub.clone(), requests, registry.clone()).await?;
        let mut engine = Engine::start(
            config.engine,
            beginning,
            clock,
            (entrance, threshold),
            Box::new(journal),
            Box::new(house),
        )?;
        fill_in.start(records.filling())?;

        let addresses = Addresses::new(&config, &listening, feed.local_addr());
        if !engine.begun().await {
            return Err(ServeError::Broken);
        }
        hub.set_ready(true);
        tracing::info!(run = opened.epoch, epoch, next_call = opened.next_call, "ready");
        Ok(Server {
            engine,
            sip,
            feed,
            hub,
            records,
            registry,
            addresses,
            drain_timeout: config.drain_timeout,
        })
    }

    /// Where it is reached, in words.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The SIP sockets that are open.
    pub fn sip_addrs(&self) -> Vec<(Transport, SocketAddr)> {
        self.sip.local_addrs()
    }

    /// The socket of page, metrics and feed.
    pub fn web_addr(&self) -> SocketAddr {
        self.feed.local_addr()
    }

    /// All metrics.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Runs until `until` is done, then takes no new calls, lets the others end within the configured time (less if
    /// `hurry` is done), hangs up the rest, and flushes the journal.
    ///
    /// # Errors
    /// When the queue core breaks off.
    pub async fn run(
        mut self,
        until: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> Result<Served, ServeError> {
        let ended = {
            let watch = watch_progress(&self.hub, self.engine.progress());
            tokio::select! {
                () = until => None,
                ended = self.engine.ended() => Some(ended),
                never = watch => match never {},
            }
        };
        self.hub.set_ready(false);
        if let Some(ended) = ended {
            tracing::error!(?ended, "the loop ended by itself");
            self.sip.shutdown().await;
            self.feed.stop().await;
            return Err(ServeError::Broken);
        }
        let hung_up = self.drain(hurry).await;
        self.sip.shutdown().await;
        self.feed.stop().await;
        let ended = self.engine.stop().await;
        self.records.stop().await;
        match ended {
            Ended::Stopped => tracing::info!("stopped"),
            // The log has it already; all calls are over, so no place is lost by it.
            Ended::JournalUnwritten(error) => tracing::error!(%error, "the journal's end is missing"),
            Ended::Panicked => return Err(ServeError::Broken),
        }
        Ok(Served { hung_up })
    }

    /// Waits for the calls to end, and ends those that do not. Returns how many those were.
    async fn drain(&self, hurry: impl Future<Output = ()>) -> usize {
        self.engine.drain();
        tracing::info!(
            calls = self.engine.calls(),
            timeout_s = self.drain_timeout.as_secs(),
            "stopping: no new calls; a second signal hangs up the others at once"
        );
        tokio::select! {
            () = self.engine.idle() => {}
            () = sleep(self.drain_timeout) => {}
            () = hurry => {}
        }
        let left = self.engine.calls();
        if left > 0 {
            tracing::warn!(calls = left, "hanging up");
        }
        self.engine.hang_up_all();
        if timeout(HANG_UP_TIMEOUT, self.engine.idle()).await.is_err() {
            tracing::error!(calls = self.engine.calls(), "calls did not end");
        }
        left
    }
}

/// Says so, in the log and at `/readyz`, while the loop does not turn.
async fn watch_progress(hub: &Hub, progress: engine::Progress) -> std::convert::Infallible {
    let mut ticks = interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stuck = false;
    loop {
        ticks.tick().await;
        let since = progress.since_last_turn();
        if (since > STUCK_AFTER) == stuck {
            continue;
        }
        stuck = !stuck;
        hub.set_ready(!stuck);
        if stuck {
            tracing::error!(since_s = since.as_secs_f64(), "the loop does not turn");
        } else {
            tracing::warn!("the loop turns again");
        }
    }
}

fn names(config: &Config) -> Names {
    Names {
        queues: config
            .core
            .queues
            .iter()
            .map(|queue| queue.name.clone())
            .collect(),
        trunks: config.sip.trunks.iter().map(|trunk| trunk.name.clone()).collect(),
        operators: config
            .core
            .operators
            .iter()
            .map(|operator| operator.name.clone())
            .collect(),
        pause_reasons: config.core.pause_reasons.clone(),
    }
}

/// Queues whose calls are recorded when somebody asks for it.
fn on_demand(config: &Config) -> Vec<String> {
    let queues = config.core.queues.iter().zip(&config.recorded);
    let asked = queues.filter(|(_, recorded)| recorded.which == RecordPolicy::OnDemand);
    asked.map(|(queue, _)| queue.name.clone()).collect()
}

fn records_config(config: &Config, epoch: u64, clock: feed::Clock) -> RecordsConfig {
    let names = names(config);
    RecordsConfig {
        path: config.records.path.clone(),
        retention: config.records.retention,
        call_back_within: config.records.call_back_within,
        answer_within: config.feed.thresholds.answer_within,
        time_zone: config.core.schedule.time_zone.clone(),
        journal: series_of(epoch),
        names: records::Names {
            queues: shared(&names.queues),
            trunks: shared(&names.trunks),
            operators: shared(&names.operators),
        },
        clock,
    }
}

fn shared(names: &[String]) -> Vec<Arc<str>> {
    names.iter().map(|name| name.as_str().into()).collect()
}

fn feed_config(
    config: &Config,
    about: About,
    clock: feed::Clock,
    (memory, records): (feed::Memory, Records),
    mounts: Vec<Mount>,
) -> FeedConfig {
    let Names {
        queues,
        trunks,
        operators,
        pause_reasons,
    } = names(config);
    let accounts = operators.into_iter().zip(config.feed.operator_secrets.clone());
    let operators = accounts.map(|(name, secret)| Account { name, secret }).collect();
    let phones = config.sip.phones.iter();
    let phones = phones.filter(|phone| phone.owner == PhoneOwner::Supervisor);
    FeedConfig {
        listen: config.feed.listen,
        tls: config.feed.tls.clone(),
        directory: Directory {
            queues,
            trunks,
            operators,
            pause_reasons,
            skills: config.skills.clone(),
            forwards: config.core.forwards.clone(),
            transfer_numbers: config
                .core
                .transfer
                .as_ref()
                .map(|rule| rule.numbers.clone())
                .unwrap_or_default(),
            supervisors: config.feed.supervisors.clone(),
            phones: phones.map(|phone| phone.user.clone()).collect(),
            on_demand: on_demand(config),
            outcomes: config.form.outcomes.clone(),
            categories: config.form.categories.clone(),
        },
        clock,
        clock_rate: config.clock.rate,
        heartbeat: config.feed.heartbeat,
        open_wallboard: config.feed.open_wallboard,
        session_lifetime: config.feed.session_lifetime,
        memory,
        records: Some(records),
        mounts,
        origins: config.feed.origins.clone(),
        thresholds: config.feed.thresholds,
        about,
        limits: config.feed.limits.clone(),
    }
}
