//! Who hears what: the commands that change it on a media thread. Packets and ticks only read what they leave behind.
//!
//! **Always holds**: a leg's ears are those legs whose route names it, and no others; a leg that is played to or hears a
//! mix has one phase of the tick, and no other leg has any.

use crate::Playlist;
use crate::leg::Route;
use crate::media::Hearing;
use crate::mix::Mix;
use crate::player::Player;
use crate::worker::{PHASES, Worker};
use acd::LegId;

impl Worker {
    /// Lets a leg hear a playlist; whoever heard the leg hears it no more.
    pub(crate) fn play(&mut self, id: LegId, playlist: Playlist) {
        let Some(slot) = self.find(id) else { return };
        self.let_go_of_heard(slot);
        self.end_being_heard(slot);
        self.set_route(slot, Route::Player(Player::new(playlist)));
    }

    /// Connects legs. Those that hear one other have its packets passed on, those that hear several hear a mix. Who hears
    /// the same as before goes on undisturbed; who heard one of these legs and is not among them hears it no more.
    pub(crate) fn connect(&mut self, hearings: &[Hearing]) {
        let mut parties: Vec<(usize, Vec<usize>)> = Vec::with_capacity(hearings.len());
        for hearing in hearings {
            let Some(slot) = self.find(hearing.leg) else {
                continue;
            };
            let heard = hearing.hears.iter().filter_map(|leg| self.legs.find(*leg));
            parties.push((slot, heard.collect()));
        }
        if parties.len() < 2 {
            return;
        }
        for (slot, _) in &parties {
            let ears = self.legs.get(*slot).map(|leg| leg.ears).unwrap_or_default();
            for outsider in ears
                .all()
                .filter(|ear| parties.iter().all(|(party, _)| party != ear))
            {
                self.hears_no_more(outsider, *slot);
            }
        }
        let changed = parties.iter().enumerate().filter(|(n, (slot, heard))| {
            let relayed_before = parties.iter().take(*n).any(|(_, other)| other == heard);
            !self.hears(*slot, heard, !relayed_before)
        });
        let changed: Vec<usize> = changed.map(|(n, _)| n).collect();
        for (slot, _) in changed.iter().filter_map(|n| parties.get(*n)) {
            self.let_go_of_heard(*slot);
        }
        for (slot, heard) in changed.iter().filter_map(|n| parties.get(*n)) {
            self.begin_hearing(*slot, heard);
        }
    }

    /// Ends what the leg in `slot` hears, and what it says.
    pub(crate) fn end_route(&mut self, slot: usize) {
        self.let_go_of_heard(slot);
        self.set_route(slot, Route::Nothing);
        self.end_being_heard(slot);
    }

    /// Whether a leg hears just these already, and in that way.
    fn hears(&mut self, slot: usize, heard: &[usize], may_relay: bool) -> bool {
        match self.legs.get(slot).map(|leg| &leg.route) {
            Some(Route::Leg(other)) => may_relay && [*other] == heard,
            Some(Route::Mix(mix)) => {
                let is_relay = may_relay && heard.len() == 1;
                !is_relay && mix.slots().eq(heard.iter().copied())
            }
            Some(Route::Nothing) => heard.is_empty(),
            Some(Route::Player(_)) | None => false,
        }
    }

    fn begin_hearing(&mut self, slot: usize, heard: &[usize]) {
        if let [only] = heard
            && let Some(other) = self.legs.get(*only)
            && other.ears.direct.is_none()
        {
            other.ears.direct = Some(slot);
            other.read_all();
            return self.set_route(slot, Route::Leg(*only));
        }
        if heard.is_empty() {
            return self.set_route(slot, Route::Nothing);
        }
        for other in heard {
            if let Some(other) = self.legs.get(*other) {
                other.ears.add_mix(slot);
                other.read_all();
            }
        }
        self.set_route(slot, Route::Mix(Mix::of(heard)));
    }

    /// Takes a leg out of the ears of those that it hears, before its route becomes another.
    fn let_go_of_heard(&mut self, slot: usize) {
        let route = self
            .legs
            .get(slot)
            .map(|leg| std::mem::replace(&mut leg.route, Route::Nothing));
        let heard: Vec<usize> = match &route {
            Some(Route::Leg(other)) => vec![*other],
            Some(Route::Mix(mix)) => mix.slots().collect(),
            Some(Route::Nothing | Route::Player(_)) | None => Vec::new(),
        };
        for other in heard {
            if let Some(other) = self.legs.get(other) {
                other.ears.remove(slot);
            }
        }
    }

    /// Lets nobody hear a leg any more.
    fn end_being_heard(&mut self, slot: usize) {
        let ears = self.legs.get(slot).map(|leg| leg.ears).unwrap_or_default();
        for ear in ears.all() {
            self.hears_no_more(ear, slot);
        }
    }

    /// One leg hears another no more; what else it hears goes on.
    fn hears_no_more(&mut self, ear: usize, slot: usize) {
        if let Some(leg) = self.legs.get(slot) {
            leg.ears.remove(ear);
        }
        let Some(hearer) = self.legs.get(ear) else { return };
        match &mut hearer.route {
            Route::Leg(other) if *other == slot => self.set_route(ear, Route::Nothing),
            Route::Mix(mix) => mix.leave_out(slot),
            _ => {}
        }
    }

    /// Changes what a leg hears, and gives it a phase of the tick or takes it away.
    pub(crate) fn set_route(&mut self, slot: usize, route: Route) {
        let is_played = matches!(route, Route::Player(_) | Route::Mix(_));
        let Some(leg) = self.legs.get(slot) else { return };
        leg.set_route(route);
        match (is_played, leg.phase) {
            (true, None) => {
                let phase = self.lightest_phase();
                self.phases[phase].push(slot);
                if let Some(leg) = self.legs.get(slot) {
                    leg.phase = Some(phase);
                }
            }
            (false, Some(phase)) => {
                leg.phase = None;
                self.phases[phase].retain(|&other| other != slot);
            }
            _ => {}
        }
    }

    /// The phase with the fewest legs; of equals the one that is next.
    fn lightest_phase(&self) -> usize {
        let next = self.tick as usize + 1;
        (next..next + PHASES)
            .map(|tick| tick % PHASES)
            .min_by_key(|&phase| self.phases[phase].len())
            .unwrap_or(0)
    }
}
