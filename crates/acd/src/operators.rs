//! The operators: what each is doing, and who of them is free.
//!
//! Owns the operators' records and the choice among those who are free. Sets of operators are bitmaps in the
//! configuration's order, so that a choice is a walk over the free ones and nothing else.

use crate::{AcdConfig, OperatorConfig, OperatorId, OperatorState, PauseReason, QueueId, Strategy};
use crate::{OperatorView, Timestamp};
use std::ops::{Index, IndexMut};
use std::time::Duration;

/// One operator.
pub(crate) struct Operator {
    pub(crate) state: OperatorState,
    /// Since when in this state.
    pub(crate) since: Timestamp,
    /// Since when without work; a ring that the caller gave up does not count as work.
    pub(crate) idle_since: Timestamp,
    /// The phone is registered.
    pub(crate) phone: bool,
    /// Calls connected since sign-on.
    pub(crate) answered: u32,
    /// Calls in a row not answered.
    pub(crate) no_answer: u32,
    /// What was asked for during a call, for after the wrap-up.
    pub(crate) then: Option<Then>,
    /// When the wrap-up began.
    pub(crate) wrap_up_began: Timestamp,
    /// How much one extension adds.
    pub(crate) wrap_up_extension: Duration,
    pub(crate) auto_ready: bool,
    pub(crate) no_answer_max: u32,
}

/// What an operator asked for during a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Pause(PauseReason),
    SignOff,
}

impl Operator {
    fn new(config: &OperatorConfig) -> Self {
        Self {
            state: OperatorState::SignedOff,
            since: Timestamp::default(),
            idle_since: Timestamp::default(),
            phone: false,
            answered: 0,
            no_answer: 0,
            then: None,
            wrap_up_began: Timestamp::default(),
            wrap_up_extension: Duration::ZERO,
            auto_ready: config.auto_ready,
            no_answer_max: config.no_answer_max,
        }
    }
}

pub(crate) struct Operators {
    all: Vec<Operator>,
    /// Who is available.
    free: OperatorSet,
    /// Who serves each queue.
    serving: Vec<OperatorSet>,
    /// Whom each queue chose last.
    last: Vec<Option<OperatorId>>,
}

impl Operators {
    pub(crate) fn new(config: &AcdConfig) -> Self {
        let count = config.operators.len();
        let serves = |queue: usize| {
            let mut set = OperatorSet::new(count);
            for (index, operator) in config.operators.iter().enumerate() {
                if operator.queues.is_empty() || operator.queues.contains(&(queue as u32)) {
                    set.insert(OperatorId(index as u32));
                }
            }
            set
        };
        Self {
            all: config.operators.iter().map(Operator::new).collect(),
            free: OperatorSet::new(count),
            serving: (0..config.queues.len()).map(serves).collect(),
            last: vec![None; config.queues.len()],
        }
    }

    /// The first input sets the clock: nobody has been signed off since 1970.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.all.iter_mut().for_each(|operator| operator.since = now);
    }

    pub(crate) fn get(&self, id: OperatorId) -> Option<&Operator> {
        self.all.get(id.0 as usize)
    }

    /// Whether anybody is available at all.
    pub(crate) fn any_free(&self) -> bool {
        self.free.count > 0
    }

    pub(crate) fn serves(&self, id: OperatorId, queue: QueueId) -> bool {
        self.serving[queue.0 as usize].contains(id)
    }

    /// Changes an operator's state; gives the state before. The only way to change it.
    pub(crate) fn set_state(
        &mut self,
        id: OperatorId,
        state: OperatorState,
        now: Timestamp,
    ) -> OperatorState {
        let operator = &mut self.all[id.0 as usize];
        let before = std::mem::replace(&mut operator.state, state);
        operator.since = now;
        if before == OperatorState::SignedOff {
            operator.answered = 0;
        }
        match state {
            OperatorState::Available => self.free.insert(id),
            _ => self.free.remove(id),
        }
        before
    }

    /// Who is free and serves `queue`, in the configuration's order.
    pub(crate) fn eligible(&self, queue: QueueId) -> impl Iterator<Item = OperatorId> {
        self.free.and(&self.serving[queue.0 as usize])
    }

    /// Chooses who takes the next call of `queue`.
    pub(crate) fn choose(&self, queue: QueueId, strategy: Strategy) -> Option<OperatorId> {
        let mut eligible = self.eligible(queue);
        match strategy {
            Strategy::LongestIdle => eligible.min_by_key(|id| self[*id].idle_since),
            Strategy::FewestCalls => eligible.min_by_key(|id| (self[*id].answered, self[*id].idle_since)),
            Strategy::Linear => eligible.next(),
            Strategy::RoundRobin => {
                let last = self.last[queue.0 as usize];
                eligible.min_by_key(|id| (Some(*id) <= last, *id))
            }
        }
    }

    /// Remembers a choice, for [`Strategy::RoundRobin`].
    pub(crate) fn chosen(&mut self, queue: QueueId, id: OperatorId) {
        self.last[queue.0 as usize] = Some(id);
    }

    /// What a watcher may see of an operator.
    pub(crate) fn view(&self, id: OperatorId) -> Option<OperatorView> {
        let Operator {
            state,
            since,
            phone,
            answered,
            ..
        } = *self.get(id)?;
        Some(OperatorView {
            operator: id,
            state,
            since,
            phone,
            answered,
        })
    }

    /// What a watcher may see, in the configuration's order.
    pub(crate) fn views(&self) -> impl Iterator<Item = OperatorView> {
        (0..self.all.len() as u32).filter_map(|index| self.view(OperatorId(index)))
    }
}

impl Index<OperatorId> for Operators {
    type Output = Operator;

    fn index(&self, id: OperatorId) -> &Operator {
        &self.all[id.0 as usize]
    }
}

impl IndexMut<OperatorId> for Operators {
    fn index_mut(&mut self, id: OperatorId) -> &mut Operator {
        &mut self.all[id.0 as usize]
    }
}

/// A set of operators, walked in the configuration's order.
struct OperatorSet {
    words: Vec<u64>,
    count: u32,
}

impl OperatorSet {
    fn new(operators: usize) -> Self {
        Self {
            words: vec![0; operators.div_ceil(64)],
            count: 0,
        }
    }

    fn contains(&self, id: OperatorId) -> bool {
        self.words[id.0 as usize / 64] & (1 << (id.0 % 64)) != 0
    }

    fn insert(&mut self, id: OperatorId) {
        self.count += u32::from(!self.contains(id));
        self.words[id.0 as usize / 64] |= 1 << (id.0 % 64);
    }

    fn remove(&mut self, id: OperatorId) {
        self.count -= u32::from(self.contains(id));
        self.words[id.0 as usize / 64] &= !(1 << (id.0 % 64));
    }

    /// Those in both sets.
    fn and(&self, other: &Self) -> impl Iterator<Item = OperatorId> {
        (0u32..)
            .zip(self.words.iter().zip(&other.words))
            .flat_map(|(word, (a, b))| {
                let mut bits = a & b;
                std::iter::from_fn(move || {
                    let bit = (bits != 0).then(|| bits.trailing_zeros())?;
                    bits &= bits - 1;
                    Some(OperatorId(word * 64 + bit))
                })
            })
    }
}
