//! Starting and stopping the loop's thread, and the ways into it.

use crate::EngineError;
use crate::clock::Clock;
use crate::edges::{Edges, Log};
use crate::inbox::{Inbox, Stimuli, Stimulus, line};
use crate::metrics::Metrics;
use crate::reconcile::Reconciler;
use crate::recovery::Beginning;
use crate::supervision::SupervisorNews;
use crate::turn::{Loop, State};
use acd::{Acd, Input, LegId};
use feed::Requests;
use journal::JournalError;
use media::{MediaEvent, MediaEvents};
use prometheus::Registry;
use sip::{Accepted, SipEvent, SipEvents};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// What the engine is told once, the core's own configuration apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EngineConfig {
    /// Most things that wait for the loop; beyond it new calls and consoles' requests are refused.
    pub inbox_max: usize,
    /// How often core and signalling are compared.
    pub reconcile_every: Duration,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            inbox_max: 4_096,
            reconcile_every: Duration::from_secs(10),
        }
    }
}

/// The doors through which the world outside reaches an engine, there before the engine itself: signalling and media
/// are told where to report when they start, and the engine starts with them at hand.
#[derive(Clone)]
pub struct Entrance {
    stimuli: Stimuli,
    metrics: Metrics,
}

/// What [`Engine::start`] needs to stand behind an [`Entrance`].
pub struct Threshold {
    inbox: Inbox,
    metrics: Metrics,
}

/// Builds the entrance of an engine whose metrics go to `registry`.
///
/// # Errors
/// When the registry has an engine's metrics already.
pub fn entrance(config: &EngineConfig, registry: &Registry) -> Result<(Entrance, Threshold), EngineError> {
    let (stimuli, inbox) = line(config.inbox_max);
    let metrics = Metrics::new(registry)?;
    Ok((
        Entrance {
            stimuli,
            metrics: metrics.clone(),
        },
        Threshold { inbox, metrics },
    ))
}

impl Entrance {
    /// Where media reports.
    pub fn media_events(&self) -> MediaEvents {
        let entrance = self.clone();
        Arc::new(move |event| {
            if let Some(stimulus) = of_media(event) {
                entrance.offer(stimulus);
            }
        })
    }

    /// Where signalling reports.
    pub fn sip_events(&self) -> SipEvents {
        let entrance = self.clone();
        Arc::new(move |event| {
            let accepted = of_sip(event).is_none_or(|stimulus| entrance.offer(stimulus));
            if accepted { Accepted::Yes } else { Accepted::No }
        })
    }

    /// Where signalling keeps what it wants to know again after a crash.
    pub fn keep(&self) -> sip::Keep {
        let entrance = self.clone();
        Arc::new(move |key, value| {
            entrance.offer(Stimulus::Note { key, value });
        })
    }

    /// Where the feed asks.
    pub fn requests(&self) -> Requests {
        let entrance = self.clone();
        Arc::new(move |request| entrance.offer(Stimulus::Request(request)))
    }

    fn offer(&self, stimulus: Stimulus) -> bool {
        match self.stimuli.offer(stimulus) {
            Ok(()) => true,
            Err(refused) => {
                self.metrics.count_refused(refused);
                false
            }
        }
    }
}

fn of_media(event: MediaEvent) -> Option<Stimulus> {
    let input = match event {
        MediaEvent::PromptDone { leg } => leg.is_caller().then_some(Input::PromptDone { call: leg.call }),
        MediaEvent::Dtmf { leg, digit } => of_digit(leg, digit),
        MediaEvent::Silent { leg } if leg.is_supervisor() => {
            return Some(Stimulus::Supervisor(SupervisorNews::Silent(leg)));
        }
        MediaEvent::Silent { leg } => Some(Input::MediaSilent { leg }),
        // Nothing is decided by it: see `remarks`.
        MediaEvent::Closed { .. } | MediaEvent::RecordingFailed { .. } => None,
    };
    input.map(Stimulus::Input)
}

fn of_sip(event: SipEvent) -> Option<Stimulus> {
    if let Some(news) = SupervisorNews::of_sip(event) {
        return news.map(Stimulus::Supervisor);
    }
    let input = match event {
        SipEvent::CallArrived {
            call,
            queue,
            trunk,
            caller,
            skills,
        } => Input::CallArrived {
            call,
            queue,
            trunk,
            caller,
            skills,
        },
        SipEvent::CallerGone { call, cause } => Input::CallerGone { call, cause },
        SipEvent::Ringing { leg } => Input::LegRinging { leg },
        SipEvent::Answered { leg } => Input::LegAnswered { leg },
        SipEvent::Failed { leg, cause } => Input::LegFailed { leg, cause },
        SipEvent::Gone { leg } => Input::LegGone { leg },
        SipEvent::Held { leg, held } => Input::LegHeld { leg, held },
        SipEvent::Dtmf { leg, digit } => of_digit(leg, digit)?,
        SipEvent::PhoneRegistered { operator } => Input::PhoneRegistered { operator },
        SipEvent::PhoneUnregistered { operator } => Input::PhoneUnregistered { operator },
    };
    Some(Stimulus::Input(input))
}

/// Keys count when the caller pressed them.
fn of_digit(leg: LegId, digit: char) -> Option<Input> {
    leg.is_caller().then_some(Input::Dtmf {
        call: leg.call,
        digit,
    })
}

/// A running engine. Dropping it leaves the loop running without anybody to stop it: call [`Engine::stop`].
pub struct Engine {
    entrance: Entrance,
    calls: watch::Receiver<usize>,
    begun: Option<oneshot::Receiver<()>>,
    ended: Option<oneshot::Receiver<Ended>>,
}

/// Tells whether a loop still turns.
#[derive(Clone)]
pub struct Progress {
    metrics: Metrics,
}

impl Progress {
    /// How long ago the loop turned last; it turns at least once a second.
    pub fn since_last_turn(&self) -> Duration {
        self.metrics.since_last_turn()
    }
}

/// How a loop came to its end.
#[derive(Debug)]
pub enum Ended {
    /// It was told to stop, and the journal is on disk.
    Stopped,
    /// It was told to stop, and the last of the journal could not be written.
    JournalUnwritten(JournalError),
    /// The core found itself in a state it must never be in. What was journaled tells how.
    Panicked,
}

impl Engine {
    /// Starts the loop on a thread of its own, with an empty queue under a configuration or with the state of the last
    /// run. From now on what comes in at the entrance is handled.
    ///
    /// # Errors
    /// When the core refuses its configuration or the system gives no thread.
    pub fn start(
        config: EngineConfig,
        beginning: impl Into<Beginning>,
        clock: Clock,
        (entrance, threshold): (Entrance, Threshold),
        log: Box<dyn Log>,
        edges: Box<dyn Edges>,
    ) -> Result<Engine, EngineError> {
        let (count, calls) = watch::channel(0);
        let (told, ended) = oneshot::channel();
        let (tell_begun, begun) = oneshot::channel();
        let Threshold { inbox, metrics } = threshold;
        metrics.turned();
        let (acd, resumes, seq) = match beginning.into() {
            Beginning::Empty(config) => (Box::new(Acd::new(*config)?), false, 0),
            Beginning::Resumed(acd, seq) => (acd, true, seq),
        };
        let turning = Loop {
            acd: *acd,
            resumes,
            clock,
            inbox,
            log,
            edges,
            metrics,
            calls: count,
            begun: Some(tell_begun),
            reconciler: Reconciler::new(config.reconcile_every),
            state: State::after(seq),
        };
        let body = move || {
            let run = std::panic::AssertUnwindSafe(|| turning.run());
            let how = match std::panic::catch_unwind(run) {
                Ok(Ok(())) => Ended::Stopped,
                Ok(Err(error)) => Ended::JournalUnwritten(error),
                Err(_) => Ended::Panicked,
            };
            // Nobody listens any more when the engine was dropped.
            let _ = told.send(how);
        };
        thread::Builder::new()
            .name("engine".into())
            .spawn(body)
            .map_err(EngineError::Thread)?;
        Ok(Engine {
            entrance,
            calls,
            begun: Some(begun),
            ended: Some(ended),
        })
    }

    /// Waits until the loop has turned once: then the core knows what time it is, and so the lines in force, and what the
    /// last run left has been compared with what is there. False: it broke off before.
    pub async fn begun(&mut self) -> bool {
        match self.begun.take() {
            Some(begun) => begun.await.is_ok(),
            None => true,
        }
    }

    /// Tells the core to take no new calls.
    pub fn drain(&self) {
        self.entrance.offer(Stimulus::Input(Input::Drain));
    }

    /// Tells the core to end all calls.
    pub fn hang_up_all(&self) {
        self.entrance.offer(Stimulus::Input(Input::HangUpAll));
    }

    /// Live calls now.
    pub fn calls(&self) -> usize {
        *self.calls.borrow()
    }

    /// Waits until no call is up, or the loop has ended.
    pub async fn idle(&self) {
        let _ = self.calls.clone().wait_for(|calls| *calls == 0).await;
    }

    /// Waits for the loop to end by itself, which it does only by a panic. Ask once.
    pub async fn ended(&mut self) -> Ended {
        match self.ended.as_mut() {
            Some(ended) => ended.await.unwrap_or(Ended::Panicked),
            None => std::future::pending().await,
        }
    }

    /// A way to watch that the loop turns.
    pub fn progress(&self) -> Progress {
        Progress {
            metrics: self.entrance.metrics.clone(),
        }
    }

    /// Stops the loop after what is in the line, and waits until the journal is on disk.
    pub async fn stop(mut self) -> Ended {
        self.entrance.offer(Stimulus::Stop);
        self.ended().await
    }
}
