//! A floor full of people: callers who wait and talk, and operators whose phones are answered, all simulated phones
//! that send a tone of their own and can tell what they hear.

use crate::{Engine, Place, SECRET, soon};
use futures_util::future::join_all;
use phone::{Call, CallState, Incoming, Phone, PhoneConfig};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How much sound is judged at a time, and how long it may take to come.
const STRETCH: Duration = Duration::from_millis(300);
const WITHIN: Duration = Duration::from_secs(5);
/// How often the same is listened to. Sound on its way counts against the first.
const TRIES: u32 = 20;
/// The share of the power from which a stretch counts as that tone alone.
const PURE: f64 = 0.9;
/// The level above which a stretch counts as music.
const MUSIC: f64 = 100.0;

/// Callers are numbers 1, 2, …
pub type Number = u32;

/// What a caller sends, and what the operator who takes the call does: 20 Hz apart, so that no two are taken for one.
fn tones(number: Number) -> (u32, u32) {
    let step = 20 * (number % 70);
    (420 + step, 2_000 + step)
}

/// The number that a caller shows.
pub fn shown(number: Number) -> String {
    format!("1380000{number:04}")
}

/// What the operators' phones have.
#[derive(Default)]
struct Desks {
    /// Calls that were picked up, by the caller's number as shown.
    talks: BTreeMap<String, Call>,
    /// Phones that ring until they are told to be picked up.
    ringing: BTreeMap<String, Incoming>,
    /// Whether those who begin a call, at either end, send nothing.
    quiet: bool,
}

impl Desks {
    /// One end of a call begins to speak.
    fn speaks(&self, call: &Call, hz: u32) {
        if self.quiet {
            call.mute();
        } else {
            call.tone(hz);
        }
    }

    fn picked_up(&mut self, caller: String, incoming: Incoming) {
        if let Ok(call) = incoming.answer() {
            self.speaks(&call, operators_tone(&caller));
            self.talks.insert(caller, call);
        }
    }
}

/// Everybody.
pub struct Floor {
    callers: Phone,
    operators: Vec<Arc<Phone>>,
    desks: Arc<Mutex<Desks>>,
    calls: BTreeMap<Number, Call>,
    work: Vec<JoinHandle<()>>,
}

impl Floor {
    /// Switches on a phone for each of `operators` and registers it. The last `slow` of them ring until
    /// [`Floor::pick_up`]; the others are picked up at once.
    pub async fn open(place: &Place, engine: &Engine, operators: &[&str], slow: usize) -> Floor {
        let callers = phone(place, "callers", engine.sip()).await;
        let desks: Arc<Mutex<Desks>> = Arc::default();
        let (mut phones, mut work) = (Vec::new(), Vec::new());
        for (index, name) in operators.iter().enumerate() {
            let phone = Arc::new(phone(place, name, engine.sip()).await);
            phone
                .register(Duration::from_secs(600))
                .await
                .expect("a phone registers");
            let waits = index + slow >= operators.len();
            work.push(tokio::spawn(attend(phone.clone(), desks.clone(), waits)));
            phones.push(phone);
        }
        Floor {
            callers,
            operators: phones,
            desks,
            calls: BTreeMap::new(),
            work,
        }
    }

    fn desks(&self) -> MutexGuard<'_, Desks> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A caller dials.
    pub async fn call(&mut self, number: Number) {
        let call = self.callers.call("hotline", Some(&shown(number))).await;
        let call = call.expect("a caller can dial");
        self.desks().speaks(&call, tones(number).0);
        self.calls.insert(number, call);
    }

    /// A caller hangs up, and does not wait for the end of it.
    pub fn leave(&mut self, number: Number) {
        // Dropping it sends BYE or CANCEL.
        drop(self.calls.remove(&number));
    }

    /// The operator who talks with a caller hangs up, without waiting for the end of it.
    pub fn dismiss(&mut self, number: Number) {
        drop(self.desks().talks.remove(&shown(number)));
    }

    /// Picks up the phones that ring.
    pub fn pick_up(&self) {
        let mut desks = self.desks();
        for (caller, incoming) in std::mem::take(&mut desks.ringing) {
            desks.picked_up(caller, incoming);
        }
    }

    /// Callers whose calls are not over.
    pub fn on_the_line(&self) -> Vec<Number> {
        let up = self.calls.iter().filter(|(_, call)| !call.state().is_over());
        up.map(|(number, _)| *number).collect()
    }

    /// Whoever begins a call from now on sends nothing, at either end.
    pub fn hush_newcomers(&self) {
        self.desks().quiet = true;
    }

    /// Waits until a caller hears the first sound from now on.
    pub async fn first_sound(&self, number: Number) {
        let call = self.calls.get(&number).expect("a caller who is there");
        call.hear(Duration::from_millis(20), crate::PATIENCE).await;
    }

    /// Forgets calls that are over on both sides, and returns how those of the callers ended.
    pub fn sweep(&mut self) -> BTreeMap<Number, CallState> {
        self.desks().talks.retain(|_, call| !call.state().is_over());
        let over = self.calls.extract_if(.., |_, call| call.state().is_over());
        over.map(|(number, call)| (number, call.state())).collect()
    }

    /// Callers who talk, as the operators' phones have it.
    pub fn talking(&self) -> Vec<Number> {
        let desks = self.desks();
        let talks = |number: &Number| {
            desks
                .talks
                .get(&shown(*number))
                .is_some_and(|call| !call.state().is_over())
        };
        self.on_the_line().into_iter().filter(talks).collect()
    }

    /// Phones that ring until they are picked up.
    pub fn ringing(&self) -> usize {
        self.desks().ringing.len()
    }

    /// Waits until exactly these talk, each hearing the other's tone, and all other callers hear music.
    ///
    /// # Panics
    /// When that does not come about, with who hears what.
    pub async fn hears_all(&self, talking: &[Number]) {
        let talks: Vec<(String, Call)> = {
            let mut desks = self.desks();
            std::mem::take(&mut desks.talks).into_iter().collect()
        };
        let of_number: BTreeMap<String, Number> = talking.iter().map(|n| (shown(*n), *n)).collect();
        let operators = talks.iter().filter_map(|(caller, call)| {
            let number = *of_number.get(caller)?;
            Some(hears_tone(
                format!("the operator of {number}"),
                call,
                tones(number).0,
            ))
        });
        let callers = self.calls.iter().filter(|(_, call)| !call.state().is_over());
        let (with, without): (Vec<_>, Vec<_>) = callers.partition(|(number, _)| talking.contains(number));
        let with = with
            .into_iter()
            .map(|(number, call)| hears_tone(format!("caller {number}"), call, tones(*number).1));
        let without = without
            .into_iter()
            .map(|(number, call)| hears_music(*number, call));
        let operators: Vec<_> = operators.collect();
        assert_eq!(operators.len(), talking.len(), "each who talks has an operator");
        let (operators, with, without) = tokio::join!(join_all(operators), join_all(with), join_all(without));
        let wrong: Vec<String> = operators
            .into_iter()
            .chain(with)
            .chain(without)
            .flatten()
            .collect();
        self.desks().talks.extend(talks);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// The longest time that each call was without a packet since this was asked last, longest first.
    pub fn gaps(&self) -> Vec<Duration> {
        let desks = self.desks();
        let operators = desks.talks.values().filter(|call| !call.state().is_over());
        let callers = self.calls.values().filter(|call| !call.state().is_over());
        let mut gaps: Vec<Duration> = callers.chain(operators).map(Call::longest_gap).collect();
        gaps.sort_unstable_by(|a, b| b.cmp(a));
        gaps
    }

    /// SIP dialogs of all phones.
    pub fn dialogs(&self) -> usize {
        let operators: usize = self.operators.iter().map(|phone| phone.dialogs()).sum();
        self.callers.dialogs() + operators
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        for work in &self.work {
            work.abort();
        }
    }
}

async fn phone(place: &Place, user: &str, engine: SocketAddr) -> Phone {
    let config = PhoneConfig {
        secret: Some(SECRET.to_owned()),
        bind: place.shared_address(),
        ..PhoneConfig::new(user, engine)
    };
    Phone::start(config).await.expect("a phone can be switched on")
}

fn operators_tone(caller: &str) -> u32 {
    let number = caller.strip_prefix("1380000").and_then(|n| n.parse().ok());
    tones(number.unwrap_or(0)).1
}

/// One operator's work.
async fn attend(phone: Arc<Phone>, desks: Arc<Mutex<Desks>>, waits: bool) {
    while let Some(incoming) = phone.rung().await {
        incoming.ringing();
        let caller = incoming.caller().to_owned();
        let mut desks = desks.lock().unwrap_or_else(PoisonError::into_inner);
        if waits {
            desks.ringing.insert(caller, incoming);
        } else {
            desks.picked_up(caller, incoming);
        }
    }
}

/// Listens until there is that tone and nothing else; what was heard instead if it does not come.
async fn hears_tone(who: String, call: &Call, hz: u32) -> Option<String> {
    let mut shares = Vec::new();
    for _ in 0..TRIES {
        let heard = call.hear(STRETCH, WITHIN).await;
        let share = heard.share_at(f64::from(hz));
        if heard.duration() >= STRETCH && share > PURE {
            return None;
        }
        shares.push((heard.packets, share));
    }
    Some(format!(
        "{who} hears no {hz} Hz: {shares:?} in {:?}",
        call.state()
    ))
}

async fn hears_music(number: Number, call: &Call) -> Option<String> {
    let mut levels = Vec::new();
    for _ in 0..TRIES {
        let heard = call.hear(STRETCH, WITHIN).await;
        if heard.duration() >= STRETCH && heard.level() > MUSIC {
            return None;
        }
        levels.push((heard.packets, heard.level()));
    }
    Some(format!(
        "caller {number} hears no music: {levels:?} in {:?}",
        call.state()
    ))
}

impl Floor {
    /// Waits until `is_so` of this floor.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Floor) -> bool) {
        soon(what, async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}
