//! Steady churn: as many calls arrive as leave, and everybody is busy.

use crate::house;
use acd::{
    Acd, CallId, CallerNumber, GoneCause, Input, LegId, OperatorId, Output, QueueId, Timestamp, TrunkId,
};
use std::collections::VecDeque;
use std::time::Duration;

/// Inputs of one [`Churn::cycle`].
pub(crate) const INPUTS_PER_CYCLE: u64 = 6;

/// How often the design that polls looks at its table.
pub(crate) const POLL: Duration = Duration::from_millis(100);

/// Something that can be fed the core's inputs, and says which phones it rings.
pub(crate) trait Design {
    fn input(&mut self, at: Timestamp, input: Input, dials: &mut Dials);
}

/// The legs dialled by the last inputs.
#[derive(Default)]
pub(crate) struct Dials {
    pub(crate) legs: VecDeque<LegId>,
    /// Kept for its capacity.
    outputs: Vec<Output>,
}

impl Design for Acd {
    fn input(&mut self, at: Timestamp, input: Input, dials: &mut Dials) {
        self.handle(at, input, &mut dials.outputs);
        dials
            .legs
            .extend(dials.outputs.drain(..).filter_map(|output| match output {
                Output::Dial { leg, .. } => Some(leg),
                _ => None,
            }));
    }
}

pub(crate) struct Churn<D> {
    queue: D,
    now: Timestamp,
    next_call: u64,
    dials: Dials,
    /// Who talks, longest first.
    talking: VecDeque<LegId>,
    waiting: u32,
}

impl<D: Design> Churn<D> {
    /// Fills the house: every operator talks and `waiting` more callers wait.
    pub(crate) fn new(queue: D, operators: u32, waiting: u32) -> Self {
        let (dials, talking) = Default::default();
        let mut churn = Self {
            queue,
            now: house::MIDNIGHT,
            next_call: 0,
            dials,
            talking,
            waiting,
        };
        for operator in (0..operators).map(OperatorId) {
            churn.input(Input::PhoneRegistered { operator });
            churn.arrive();
        }
        churn.now = churn.now + POLL;
        churn.input(Input::Tick);
        churn.pick_up();
        assert_eq!(churn.talking.len() as u32, operators, "everybody talks");
        (0..waiting).for_each(|_| churn.arrive());
        churn
    }

    pub(crate) fn queue(&self) -> &D {
        &self.queue
    }

    /// A conversation ends, which frees its operator for the oldest caller; one who waits in the middle gives up; two
    /// others arrive; the phone that rings is picked up.
    pub(crate) fn cycle(&mut self) {
        match self.talking.pop_front() {
            Some(leg) => self.input(Input::LegGone { leg }),
            // Only for a design that looks at its table now and then: let it look.
            None => {
                self.now = self.now + POLL;
                self.input(Input::Tick);
            }
        }
        let middle = CallId(self.next_call - u64::from(self.waiting) / 2);
        self.input(Input::CallerGone {
            call: middle,
            cause: GoneCause::HungUp,
        });
        self.arrive();
        self.arrive();
        self.pick_up();
    }

    fn arrive(&mut self) {
        self.next_call += 1;
        let (call, queue, trunk) = (CallId(self.next_call), QueueId(0), TrunkId(0));
        self.input(Input::CallArrived {
            call,
            queue,
            trunk,
            caller: CallerNumber::withheld(),
            skills: acd::Skills::default(),
        });
    }

    fn pick_up(&mut self) {
        while let Some(leg) = self.dials.legs.pop_front() {
            self.input(Input::LegRinging { leg });
            self.input(Input::LegAnswered { leg });
            self.talking.push_back(leg);
        }
    }

    fn input(&mut self, input: Input) {
        self.now = self.now + Duration::from_micros(10);
        self.queue.input(self.now, input, &mut self.dials);
    }
}
