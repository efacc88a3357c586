//! The one ordered way in: what happens outside becomes a line of stimuli, with back-pressure where that is possible.

use crate::supervision::SupervisorNews;
use acd::Input;
use feed::Request;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One thing for the loop to attend to.
#[derive(Debug)]
pub(crate) enum Stimulus {
    /// A fact for the core.
    Input(Input),
    /// Something to be known again after a restart; it means nothing to the core.
    Note { key: String, value: Option<Vec<u8>> },
    /// Something became of a supervisor's phone; it means nothing to the core.
    Supervisor(SupervisorNews),
    /// A console asks.
    Request(Request),
    /// The last thing the loop does is to flush the journal.
    Stop,
}

/// What can be refused when the engine cannot keep up; everything else is told exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Call,
    Request,
    Detail,
}

impl Refused {
    /// Its label in the metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Request => "request",
            Self::Detail => "detail",
        }
    }
}

/// What came of an offer.
pub(crate) type Offer = Result<(), Refused>;

/// The sending end. Cheap to clone; nothing blocks but for the moment another thread takes or puts.
#[derive(Clone)]
pub(crate) struct Stimuli {
    shared: Arc<Shared>,
}

/// The receiving end: the loop's.
pub(crate) struct Inbox {
    shared: Arc<Shared>,
}

struct Shared {
    line: Mutex<Line>,
    arrived: Condvar,
    /// Beyond this many, what can be refused is refused. What cannot be is bounded by the calls that are up: a leg
    /// rings, is answered, fails or goes once each, and is noted as often.
    depth_max: usize,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Stimulus>,
    /// The loop has begun to take. What is offered before is told once by each leg of the last run, and all of it is needed.
    begun: bool,
    /// The loop is gone: nothing is taken any more.
    closed: bool,
}

impl Line {
    /// Consoles may ask at any time, but who is told of by signalling before the loop takes anything is here already.
    fn is_bounded(&self, refused: Refused) -> bool {
        self.begun || refused == Refused::Request
    }
}

/// A line that refuses beyond `depth_max` stimuli.
pub(crate) fn line(depth_max: usize) -> (Stimuli, Inbox) {
    let shared = Arc::new(Shared {
        line: Mutex::default(),
        arrived: Condvar::new(),
        depth_max,
    });
    (
        Stimuli {
            shared: shared.clone(),
        },
        Inbox { shared },
    )
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stimuli {
    /// Puts a stimulus at the end of the line, or says what was refused.
    pub(crate) fn offer(&self, stimulus: Stimulus) -> Offer {
        let refusable = match &stimulus {
            Stimulus::Input(Input::CallArrived { .. }) => Some(Refused::Call),
            // A key pressed or a silence noticed changes nobody's place, and a flood of them must not grow the line.
            Stimulus::Input(Input::Dtmf { .. } | Input::MediaSilent { .. } | Input::LegHeld { .. }) => {
                Some(Refused::Detail)
            }
            Stimulus::Request(_) => Some(Refused::Request),
            Stimulus::Input(_) | Stimulus::Note { .. } | Stimulus::Supervisor(_) | Stimulus::Stop => None,
        };
        let mut line = self.shared.lock();
        if let Some(refused) = refusable
            && (line.closed || line.is_bounded(refused) && line.waiting.len() >= self.shared.depth_max)
        {
            return Err(refused);
        }
        if line.closed {
            return Ok(());
        }
        line.waiting.push_back(stimulus);
        let was_empty = line.waiting.len() == 1;
        drop(line);
        if was_empty {
            self.shared.arrived.notify_one();
        }
        Ok(())
    }
}

impl Inbox {
    /// Moves up to `most` stimuli into `batch`, waiting up to `patience` for the first.
    pub(crate) fn take(&self, batch: &mut Vec<Stimulus>, most: usize, patience: Duration) {
        let mut line = self.shared.lock();
        line.begun = true;
        let (mut line, _) = self
            .shared
            .arrived
            .wait_timeout_while(line, patience, |line| line.waiting.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let count = line.waiting.len().min(most);
        batch.extend(line.waiting.drain(..count));
    }
}

impl Drop for Inbox {
    /// Requests still in the line are dropped with it, which their senders see.
    fn drop(&mut self) {
        let mut line = self.shared.lock();
        line.closed = true;
        line.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acd::{CallId, CallerNumber, GoneCause, LegId, QueueId, TrunkId};

    fn arrival(n: u64) -> Stimulus {
        let caller = CallerNumber::withheld();
        Stimulus::Input(Input::CallArrived {
            call: CallId(n),
            queue: QueueId(0),
            trunk: TrunkId(0),
            caller,
            skills: acd::Skills::default(),
        })
    }

    fn gone(n: u64) -> Stimulus {
        Stimulus::Input(Input::CallerGone {
            call: CallId(n),
            cause: GoneCause::HungUp,
        })
    }

    fn drained(inbox: &Inbox, most: usize) -> Vec<Stimulus> {
        let mut batch = Vec::new();
        inbox.take(&mut batch, most, Duration::ZERO);
        batch
    }

    #[test]
    fn order_is_kept_and_batches_are_bounded() {
        let (stimuli, inbox) = line(100);
        for n in 0..5 {
            stimuli.offer(arrival(n)).unwrap();
        }
        let calls = |batch: Vec<Stimulus>| -> Vec<u64> {
            let call = |s| match s {
                Stimulus::Input(Input::CallArrived { call, .. }) => call.0,
                other => panic!("{other:?}"),
            };
            batch.into_iter().map(call).collect()
        };
        assert_eq!(calls(drained(&inbox, 3)), [0, 1, 2]);
        assert_eq!(calls(drained(&inbox, 3)), [3, 4]);
        assert!(drained(&inbox, 3).is_empty());
    }

    #[test]
    fn before_the_loop_takes_nothing_is_refused() {
        let (stimuli, inbox) = line(2);
        for n in 0..5 {
            stimuli.offer(arrival(n)).unwrap();
        }
        assert_eq!(drained(&inbox, 2).len(), 2);
        assert_eq!(stimuli.offer(arrival(5)), Err(Refused::Call), "three wait");
    }

    #[test]
    fn a_full_line_refuses_what_can_be_refused_and_nothing_else() {
        let (stimuli, inbox) = line(2);
        assert_eq!(drained(&inbox, 2).len(), 0, "the loop has begun");
        stimuli.offer(arrival(1)).unwrap();
        stimuli.offer(arrival(2)).unwrap();
        assert_eq!(stimuli.offer(arrival(3)), Err(Refused::Call));
        let (reply, _answer) = tokio::sync::oneshot::channel();
        assert_eq!(
            stimuli.offer(Stimulus::Request(Request::Snapshot(reply))),
            Err(Refused::Request)
        );
        let digit = Input::Dtmf {
            call: CallId(1),
            digit: '1',
        };
        assert_eq!(stimuli.offer(Stimulus::Input(digit)), Err(Refused::Detail));
        let leg = LegId {
            call: CallId(1),
            leg: 1,
        };
        for told in [
            gone(1),
            Stimulus::Input(Input::LegAnswered { leg }),
            Stimulus::Stop,
        ] {
            stimuli.offer(told).unwrap();
        }
        assert_eq!(drained(&inbox, 100).len(), 5);
        stimuli.offer(arrival(3)).unwrap();
    }

    #[test]
    fn nobody_waits_for_a_loop_that_is_gone() {
        let (stimuli, inbox) = line(2);
        let (reply, answer) = tokio::sync::oneshot::channel();
        stimuli
            .offer(Stimulus::Request(Request::Snapshot(reply)))
            .unwrap();
        drop(inbox);
        assert!(answer.blocking_recv().is_err());
        assert_eq!(stimuli.offer(arrival(1)), Err(Refused::Call));
    }
}
