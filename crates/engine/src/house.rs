//! The real world around the loop: signalling, media, feed, records, metrics and logs.

use crate::EngineError;
use crate::edges::Edges;
use crate::supervision::{Supervision, SupervisorNews};
use acd::{CallId, Event, LegId, OperatorId, Output, QueueId, Snapshot, Timestamp};
use feed::{Hub, Supervise};
use media::{Language, Library, Media};
use prometheus::Registry;
use records::Records;
use sip::Sip;
use std::collections::BTreeMap;
use telemetry::{Metrics, Names, log_event};

/// Carries outputs to the crates that do what they ask.
pub struct House {
    /// Signalling.
    pub sip: Sip,
    /// Audio.
    pub media: Media,
    /// What can be played.
    pub library: Library,
    /// Languages of each queue's prompts, by [`QueueId`]: every prompt is heard in each of them, in this order.
    pub languages: Vec<Vec<Language>>,
    /// The consoles.
    pub hub: Hub,
    /// The queue's metrics.
    pub metrics: Metrics,
    /// The words for ids in log lines.
    pub names: Names,
    /// What happened, kept for people.
    pub records: Records,
    queues: BTreeMap<CallId, QueueId>,
    /// What is recorded of each queue, by [`QueueId`].
    recorded: Vec<Recorded>,
    supervision: Supervision,
}

/// What is recorded of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Which calls.
    pub which: RecordPolicy,
    /// Whether callers are told with the greeting that they may be recorded.
    pub notice: bool,
}

/// Which calls of a queue are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordPolicy {
    /// None.
    #[default]
    Off,
    /// Every call, from the operator's first word.
    All,
    /// Those for which an operator or supervisor asks.
    OnDemand,
}

impl House {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When `registry` has the metrics of supervisors already.
    pub fn new(
        (sip, media, library): (Sip, Media, Library),
        languages: Vec<Vec<Language>>,
        (hub, records): (Hub, Records),
        (metrics, names): (Metrics, Names),
        registry: &Registry,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            supervision: Supervision::new(sip.clone(), media.clone(), hub.clone(), registry)?,
            sip,
            media,
            library,
            languages,
            hub,
            metrics,
            names,
            records,
            queues: BTreeMap::new(),
            recorded: Vec::new(),
        })
    }

    /// The same house, in which calls of each queue are recorded as its policy says.
    #[must_use]
    pub fn recording(self, recorded: Vec<Recorded>) -> Self {
        Self { recorded, ..self }
    }

    fn recorded(&self, queue: QueueId) -> Recorded {
        self.recorded.get(queue.0 as usize).copied().unwrap_or_default()
    }

    /// Which queue's languages a call hears, and whether there is anything to listen to.
    fn keep(&mut self, event: &Event) {
        match event {
            Event::CallArrived { call, queue, .. } | Event::CallBackPromised { call, queue, .. } => {
                self.queues.insert(*call, *queue);
            }
            Event::CallEnded { call, .. } => {
                self.queues.remove(call);
                self.supervision.ended(*call);
                self.hub.tell_ended(*call);
            }
            _ => {}
        }
    }

    fn begin_recording(&self, call: CallId) {
        let recorded = self.media.record(call);
        self.hub.tell_recorded(call, recorded);
    }

    fn play(&self, call: CallId, audio: acd::Audio) {
        let queue = self.queues.get(&call).copied().unwrap_or(QueueId(0));
        let languages = self
            .languages
            .get(queue.0 as usize)
            .map_or(&[][..], Vec::as_slice);
        let notice = audio == acd::Audio::Greeting && self.recorded(queue).notice;
        let spoken = languages.iter().map(|language| {
            let mut playlist = self.library.playlist(audio, *language);
            playlist
                .prompts
                .extend(self.library.recording_notice(*language).filter(|_| notice));
            playlist
        });
        let Some(playlist) = spoken.reduce(|mut all, next| {
            all.prompts.extend(next.prompts);
            all
        }) else {
            return;
        };
        let music = self.library.music_of_queue(queue.0 as usize);
        self.media.play(LegId::caller(call), playlist.with_music(music));
    }
}

impl Edges for House {
    fn carry(&mut self, at: Timestamp, seq: u64, outputs: &mut Vec<Output>) {
        let mut events = Vec::new();
        for output in outputs.drain(..) {
            match output {
                Output::EarlyMedia { call } => self.sip.early_media(call),
                Output::Answer { call } => self.sip.answer(call),
                Output::Refuse {
                    call,
                    outcome,
                    retry_after,
                } => self.sip.refuse(call, outcome, retry_after),
                Output::Play { call, audio } => {
                    self.supervision.unbridged(call);
                    self.play(call, audio);
                }
                Output::Dial {
                    leg,
                    operator,
                    caller,
                    waited: _,
                } => self.sip.dial(leg, operator, caller),
                Output::DialOut {
                    leg,
                    to,
                    caller,
                    trunk,
                } => self.sip.dial_out(leg, to, caller, trunk),
                Output::Ringback { leg } => self.media.play(leg, self.library.ringback()),
                Output::Confer {
                    operator_leg,
                    third_leg,
                    caller,
                } => {
                    let caller = caller.then_some(LegId::caller(operator_leg.call));
                    self.supervision
                        .talk(caller.into_iter().chain([operator_leg, third_leg]).collect());
                }
                Output::Bridge { operator_leg } => {
                    let call = operator_leg.call;
                    self.supervision.talk(vec![LegId::caller(call), operator_leg]);
                    let queue = self.queues.get(&call).copied().unwrap_or(QueueId(0));
                    if self.recorded(queue).which == RecordPolicy::All {
                        self.begin_recording(call);
                    }
                }
                Output::HangUp { leg, cause } => self.sip.hang_up(leg, cause),
                Output::Event(event) => {
                    self.keep(&event);
                    if let Event::MediaSilent { leg } = event {
                        // Silence proves nothing: the peer is asked.
                        self.sip.probe(leg);
                    }
                    events.push(event);
                }
            }
        }
        // Phones first: nobody at a console sees the difference, and a caller might hear it.
        for event in &events {
            self.metrics.observe(event, at);
            log_event(&self.names, event);
        }
        let seq = seq + events.len() as u64;
        // Before the consoles: what one has seen, the records count when it asks.
        self.records.take(seq, at, &events);
        self.hub.publish(seq, at, &events);
    }

    fn record(&mut self, call: CallId, queue: QueueId, on: bool) -> Result<(), feed::Refusal> {
        if self.recorded(queue).which != RecordPolicy::OnDemand {
            return Err(feed::Refusal::NotOnDemand);
        }
        if !on {
            self.media.end_recording(call);
            self.hub.tell_recorded(call, false);
        } else if !self.hub.is_recorded(call) {
            // One that failed is still under way for media.
            self.media.end_recording(call);
            self.begin_recording(call);
        }
        Ok(())
    }

    fn supervise(&mut self, call: CallId, order: Supervise) -> Result<(), feed::Refusal> {
        self.supervision.order(call, order)
    }

    fn supervisor(&mut self, news: SupervisorNews) {
        self.supervision.hear(news);
    }

    fn resume(&mut self, state: &Snapshot) {
        self.metrics.restore(state);
        self.records.resume(state);
        self.queues = state.calls.iter().map(|call| (call.call, call.queue)).collect();
    }

    fn phones(&self) -> Vec<(OperatorId, bool)> {
        self.sip.phones()
    }

    fn legs(&self) -> Vec<LegId> {
        let legs = self.sip.legs().into_iter();
        legs.filter(|leg| !self.supervision.knows(*leg)).collect()
    }
}
