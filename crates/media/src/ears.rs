//! Which legs hear a leg: the packet path's side of what [`Route`](crate::leg::Route) says of the hearing ones.

use crate::mix::PARTIES_MAX;

/// The slots of the legs that hear one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ears {
    /// The one that its packets are passed on to.
    pub(crate) direct: Option<usize>,
    /// Those that hear it together with others.
    mixes: [Option<usize>; PARTIES_MAX - 1],
}

impl Ears {
    /// Whether nobody hears the leg.
    pub(crate) fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// Those that hear it together with others.
    pub(crate) fn mixes(self) -> impl Iterator<Item = usize> {
        self.mixes.into_iter().flatten()
    }

    /// All of them.
    pub(crate) fn all(self) -> impl Iterator<Item = usize> {
        self.direct.into_iter().chain(self.mixes())
    }

    /// One more hears it, together with others. There are never more than there can be parties.
    pub(crate) fn add_mix(&mut self, slot: usize) {
        if let Some(free) = self.mixes.iter_mut().find(|ear| ear.is_none()) {
            *free = Some(slot);
        }
    }

    /// One hears it no more.
    pub(crate) fn remove(&mut self, slot: usize) {
        self.direct.take_if(|ear| *ear == slot);
        for ear in &mut self.mixes {
            ear.take_if(|ear| *ear == slot);
        }
    }
}
