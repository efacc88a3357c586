//! The operators: what each is doing, and who of them is free.
//!
//! Owns the operators' records and the choice among those who are free. Sets of operators are bitmaps in the
//! configuration's order, so that a choice is a walk over the free ones and nothing else.

use crate::{AcdConfig, OperatorConfig, OperatorId, OperatorState, PauseReason, QueueId, Skills, Strategy};
use crate::{OperatorView, RING_ALL_MAX, Timestamp, strategy};
use arrayvec::ArrayVec;
use std::ops::{Index, IndexMut};
use std::time::Duration;

/// One operator.
#[derive(serde::Serialize, serde::Deserialize)]
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
    /// How long a pause lasts that the phone brought about; zero for until ready.
    pub(crate) rest: Duration,
    /// When the operator signed on.
    pub(crate) signed_on: Timestamp,
    /// Time on calls and wrap-up since sign-on.
    pub(crate) worked: Duration,
    /// What the operator knows.
    skills: Skills,
    /// Whose phone was dialled next for the call that rings here.
    pub(crate) rings_with: Option<OperatorId>,
}

/// What an operator asked for during a call.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
            rest: config.rest,
            signed_on: Timestamp::default(),
            worked: Duration::ZERO,
            skills: config.skills,
            rings_with: None,
        }
    }
}

/// Whose phones ring for a call, in the order in which they are dialled.
pub(crate) type Chosen = ArrayVec<OperatorId, RING_ALL_MAX>;

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Operators {
    all: Vec<Operator>,
    /// Who is available.
    free: OperatorSet,
    /// Who is neither signed off nor paused.
    at_work: OperatorSet,
    teams: Vec<Team>,
}

/// Which operators may take a call: those who serve its queue and, unless that is not asked for any more, know what
/// the call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) queue: QueueId,
    /// A set of skills of the queue, by [`Operators::needs`]; none if skills do not matter.
    pub(crate) needs: Option<u32>,
}

/// Who serves one queue.
#[derive(serde::Serialize, serde::Deserialize)]
struct Team {
    serving: OperatorSet,
    /// For each set of skills that calls of the queue have needed so far: those of them who have these. The queue's
    /// own skills come first.
    skilled: Vec<(Skills, OperatorSet)>,
    /// How much each operator prefers it, 0 first; empty if all do alike.
    levels: Vec<u8>,
    /// Whom it chose last.
    last: Option<OperatorId>,
}

impl Team {
    fn new(config: &AcdConfig, queue: u32) -> Self {
        let mut serving = OperatorSet::new(config);
        let mut levels = vec![0; config.operators.len()];
        for (index, operator) in config.operators.iter().enumerate() {
            let listed = operator.queues.iter().position(|served| *served == queue);
            if listed.is_none() && !operator.queues.is_empty() {
                continue;
            }
            levels[index] = listed.and_then(|n| operator.levels.get(n)).copied().unwrap_or(0);
            serving.insert(OperatorId(index as u32));
        }
        if levels.iter().all(|level| *level == 0) {
            levels.clear();
        }
        Self {
            serving,
            skilled: Vec::new(),
            levels,
            last: None,
        }
    }

    fn who(&self, wanted: Wanted) -> &OperatorSet {
        match wanted.needs {
            Some(needs) => &self.skilled[needs as usize].1,
            None => &self.serving,
        }
    }

    fn level(&self, id: OperatorId) -> u8 {
        self.levels.get(id.0 as usize).copied().unwrap_or(0)
    }
}

impl Operators {
    pub(crate) fn new(config: &AcdConfig) -> Self {
        let mut operators = Self {
            all: config.operators.iter().map(Operator::new).collect(),
            free: OperatorSet::new(config),
            at_work: OperatorSet::new(config),
            teams: (0..config.queues.len() as u32)
                .map(|queue| Team::new(config, queue))
                .collect(),
        };
        for (id, queue) in (0..).zip(&config.queues) {
            operators.needs(QueueId(id), queue.skills);
        }
        operators
    }

    /// The index of a set of skills that calls of a queue need; a new one is worked out once.
    pub(crate) fn needs(&mut self, queue: QueueId, skills: Skills) -> u32 {
        let team = &mut self.teams[queue.0 as usize];
        let known = team.skilled.iter().position(|(known, _)| *known == skills);
        let index = known.unwrap_or_else(|| {
            let mut able = team.serving.clone();
            for (id, operator) in (0..).map(OperatorId).zip(&self.all) {
                if !operator.skills.cover(skills) {
                    able.remove(id);
                }
            }
            team.skilled.push((skills, able));
            team.skilled.len() - 1
        });
        index as u32
    }

    /// Works out again what is not written down with the rest.
    pub(crate) fn index_again(&mut self) {
        let teams = self.teams.iter_mut().flat_map(|team| {
            let skilled = team.skilled.iter_mut().map(|(_, able)| able);
            skilled.chain([&mut team.serving])
        });
        teams
            .chain([&mut self.free, &mut self.at_work])
            .for_each(OperatorSet::index_again);
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

    /// How much an operator prefers a call, if he may take it.
    pub(crate) fn level(&self, id: OperatorId, wanted: Wanted) -> Option<u8> {
        let team = &self.teams[wanted.queue.0 as usize];
        team.who(wanted).contains(id).then(|| team.level(id))
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
        let lasted = now.since(std::mem::replace(&mut operator.since, now));
        match before {
            OperatorState::SignedOff => {
                (operator.answered, operator.worked, operator.signed_on) = (0, Duration::ZERO, now);
            }
            OperatorState::Talking { .. } | OperatorState::WrapUp { .. } => operator.worked += lasted,
            _ => {}
        }
        match state {
            OperatorState::Available => self.free.insert(id),
            _ => self.free.remove(id),
        }
        match state {
            OperatorState::SignedOff | OperatorState::Paused { .. } => self.at_work.remove(id),
            _ => self.at_work.insert(id),
        }
        before
    }

    /// How many who serve `queue` are at work: neither signed off nor paused.
    pub(crate) fn at_work(&self, queue: QueueId) -> u32 {
        self.at_work.and(&self.teams[queue.0 as usize].serving).count() as u32
    }

    /// Who is free and may take a call, in the configuration's order.
    pub(crate) fn eligible(&self, wanted: Wanted) -> impl Iterator<Item = OperatorId> {
        self.free.and(self.teams[wanted.queue.0 as usize].who(wanted))
    }

    /// How much the best of those who are free and may take a call prefers it.
    pub(crate) fn best_level(&self, wanted: Wanted) -> Option<u8> {
        let team = &self.teams[wanted.queue.0 as usize];
        let mut eligible = self.eligible(wanted).map(|id| team.level(id));
        if team.levels.is_empty() {
            eligible.next()
        } else {
            eligible.min()
        }
    }

    /// Chooses whose phones ring for a call, among those who prefer it most; `favourite` alone, if one of them.
    pub(crate) fn choose(
        &self,
        wanted: Wanted,
        strategy: Strategy,
        favourite: Option<OperatorId>,
        now: Timestamp,
    ) -> Chosen {
        let team = &self.teams[wanted.queue.0 as usize];
        let best = self.best_level(wanted);
        let mut eligible = self.eligible(wanted).filter(|id| Some(team.level(*id)) == best);
        if let Some(favourite) = favourite
            && eligible.any(|id| id == favourite)
        {
            return Chosen::from_iter([favourite]);
        }
        let eligible = self.eligible(wanted).filter(|id| Some(team.level(*id)) == best);
        strategy::choose(strategy, self, eligible, team.last, now)
    }

    /// The operators after `first` whose phones ring for the same call, in the order they were dialled, `first` included.
    pub(crate) fn ringing(&self, first: OperatorId) -> impl Iterator<Item = OperatorId> {
        std::iter::successors(Some(first), |id| self[*id].rings_with)
    }

    /// Takes `id` out of those who ring for the same call, beginning with `first`; gives who is first then.
    pub(crate) fn stop_ringing(&mut self, first: OperatorId, id: OperatorId) -> Option<OperatorId> {
        let next = self[id].rings_with.take();
        if first == id {
            return next;
        }
        let before = self
            .ringing(first)
            .find(|other| self[*other].rings_with == Some(id));
        if let Some(before) = before {
            self[before].rings_with = next;
        }
        Some(first)
    }

    /// Remembers a choice, for [`Strategy::RoundRobin`].
    pub(crate) fn chosen(&mut self, queue: QueueId, id: OperatorId) {
        self.teams[queue.0 as usize].last = Some(id);
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
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct OperatorSet {
    words: Vec<u64>,
    /// A bit for each word that has any, so that a walk over a few of many is short. Follows from the words.
    #[serde(skip)]
    filled: Vec<u64>,
    count: u32,
}

impl OperatorSet {
    fn new(config: &AcdConfig) -> Self {
        let words = config.operators.len().div_ceil(64);
        Self {
            words: vec![0; words],
            filled: vec![0; words.div_ceil(64)],
            count: 0,
        }
    }

    fn contains(&self, id: OperatorId) -> bool {
        self.words[id.0 as usize / 64] & (1 << (id.0 % 64)) != 0
    }

    fn insert(&mut self, id: OperatorId) {
        let index = id.0 as usize / 64;
        self.count += u32::from(!self.contains(id));
        self.words[index] |= 1 << (id.0 % 64);
        self.filled[index / 64] |= 1 << (index % 64);
    }

    fn remove(&mut self, id: OperatorId) {
        let index = id.0 as usize / 64;
        self.count -= u32::from(self.contains(id));
        self.words[index] &= !(1 << (id.0 % 64));
        if self.words[index] == 0 {
            self.filled[index / 64] &= !(1 << (index % 64));
        }
    }

    /// Works out again what is not written down with the rest.
    fn index_again(&mut self) {
        self.filled = vec![0; self.words.len().div_ceil(64)];
        for (index, _) in self.words.iter().enumerate().filter(|(_, word)| **word != 0) {
            self.filled[index / 64] |= 1 << (index % 64);
        }
    }

    /// Those in both sets.
    fn and(&self, other: &Self) -> impl Iterator<Item = OperatorId> {
        bits(&self.filled).flat_map(|index| {
            let both = self.words[index as usize] & other.words[index as usize];
            bits_of(both).map(move |bit| OperatorId(index * 64 + bit))
        })
    }
}

/// The bits that are set in a row of words, counted from the first word's lowest.
fn bits(words: &[u64]) -> impl Iterator<Item = u32> {
    (0u32..)
        .zip(words)
        .flat_map(|(index, word)| bits_of(*word).map(move |bit| index * 64 + bit))
}

fn bits_of(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(bit)
    })
}
