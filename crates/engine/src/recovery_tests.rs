//! A run that ended without a word, and the next one that goes on.

use crate::clock::{Clock, ClockConfig};
use crate::engine::{Ended, Engine, EngineConfig, entrance};
use crate::recovery::{Beginning, Past, Recovery};
use crate::tests::{FakeEdges, FakeLog, Happened, NINE, World, core};
use acd::{
    Audio, CallId, CallerNumber, Event, Input, LegId, OperatorId, Output, QueueId, Skills, Stage, Timestamp,
    TrunkId,
};
use journal::{Begins, Journal, Options};
use prometheus::Registry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const LEG: LegId = LegId {
    call: CallId(1),
    leg: 1,
};

/// A folder that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "holdfast-recovery-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Dir(std::env::temp_dir().join(name))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn arrival(call: u64) -> Input {
    Input::CallArrived {
        call: CallId(call),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller: CallerNumber::new("13800000001"),
        skills: Skills::default(),
    }
}

fn at(seconds: u64) -> Timestamp {
    NINE + Duration::from_secs(seconds)
}

/// Call 1 talks, call 2 waits; then the power of the run is gone.
fn a_run_that_ends(dir: &Path) {
    let recovered = Journal::recover(dir).unwrap();
    let (mut journal, _) = recovered
        .begin(&core(), Options::default(), NINE, Begins::Empty)
        .unwrap();
    let operator = OperatorId(0);
    for (seconds, input) in [
        (0, Input::Tick),
        (0, Input::PhoneRegistered { operator }),
        (1, arrival(1)),
        (2, Input::LegAnswered { leg: LEG }),
        (3, arrival(2)),
        (4, Input::Drain),
    ] {
        journal.append(at(seconds), &input).unwrap();
    }
    journal.note(at(4), "leg/1/0", Some(b"opaque")).unwrap();
    journal.note(at(4), "leg/0/0", Some(b"gone")).unwrap();
    journal.note(at(4), "leg/0/0", None).unwrap();
    journal.commit(at(4)).unwrap();
}

/// Lets the next run go on with these legs standing outside, until `wanted` was carried out.
fn goes_on(dir: &Path, legs: &[LegId], wanted: impl Fn(&Output) -> bool) -> Vec<Happened> {
    let recovery = Recovery::read(dir).unwrap();
    assert_eq!(recovery.last_at(), Some(at(4)));
    let (journal, opened, beginning, notes) =
        recovery.begin(&core(), Options::default(), at(10), true).unwrap();
    assert!(matches!(beginning, Beginning::Resumed(..)));
    assert_eq!(opened.next_call, 3, "no call id is given twice");
    assert_eq!(notes, [("leg/1/0".to_owned(), b"opaque".to_vec())]);
    drop(journal);
    let world = Arc::new(World::default());
    *world.legs.lock().unwrap() = legs.to_vec();
    let config = EngineConfig::default();
    let doors = entrance(&config, &Registry::new()).unwrap();
    let clock = Clock::start(ClockConfig {
        start: Some(at(10)),
        rate: 1.0,
    });
    let (log, edges) = (
        Box::new(FakeLog(world.clone())),
        Box::new(FakeEdges(world.clone())),
    );
    let engine = Engine::start(config, beginning, clock, doors, log, edges).unwrap();
    world.until_carried(wanted);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(matches!(runtime.block_on(engine.stop()), Ended::Stopped));
    world.happened.lock().unwrap().clone()
}

fn appended(happened: &[Happened]) -> Vec<Input> {
    let inputs = happened.iter().filter_map(|h| match h {
        Happened::Appended(_, input) => Some(*input),
        _ => None,
    });
    inputs.collect()
}

#[test]
fn what_the_core_believes_is_made_so_before_anything_else() {
    let dir = Dir::new();
    a_run_that_ends(&dir.0);
    let (caller, waiting) = (LegId::caller(CallId(1)), LegId::caller(CallId(2)));
    let talk_goes_on = |o: &Output| matches!(o, Output::Play { call: CallId(2), .. });
    let happened = goes_on(&dir.0, &[caller, LEG, waiting], talk_goes_on);
    let orders = [
        Output::Answer { call: CallId(1) },
        Output::Bridge { operator_leg: LEG },
        Output::Answer { call: CallId(2) },
        Output::Play {
            call: CallId(2),
            audio: Audio::HoldMusic,
        },
    ];
    assert_eq!(happened[..4], orders.map(Happened::Carried));
    assert_eq!(appended(&happened), [Input::Started], "nothing else has changed");
}

#[test]
fn who_left_while_nobody_was_there_is_missed_and_what_is_too_much_is_hung_up() {
    let dir = Dir::new();
    a_run_that_ends(&dir.0);
    let stray = LegId::caller(CallId(9));
    let ended = |o: &Output| matches!(o, Output::Event(Event::CallEnded { call: CallId(2), .. }));
    let happened = goes_on(&dir.0, &[LegId::caller(CallId(1)), stray], ended);
    let inputs = appended(&happened);
    assert!(inputs.contains(&Input::LegGone { leg: LEG }), "{inputs:?}");
    let hung_up =
        |leg| move |h: &Happened| matches!(h, Happened::Carried(Output::HangUp { leg: l, .. }) if *l == leg);
    assert!(happened.iter().any(hung_up(stray)));
    assert!(
        happened.iter().any(hung_up(LegId::caller(CallId(1)))),
        "the call ends with its operator's leg"
    );
}

#[test]
fn the_state_is_the_same_however_often_the_engine_is_killed() {
    let dir = Dir::new();
    a_run_that_ends(&dir.0);
    let state = |recovery: &Recovery| match recovery.past() {
        Past::Known(acd) => acd.snapshot(),
        _ => panic!("no state"),
    };
    let before = state(&Recovery::read(&dir.0).unwrap());
    assert_eq!(before.calls.len(), 2);
    for _ in 0..3 {
        let recovery = Recovery::read(&dir.0).unwrap();
        assert_eq!(state(&recovery), before);
        recovery.begin(&core(), Options::default(), at(10), true).unwrap();
    }
    assert!(matches!(before.calls[0].stage, Stage::Talking { .. }));
    assert!(before.draining, "until the next run takes calls again");
}

#[test]
fn from_a_checkpoint_the_state_is_the_one_that_the_whole_log_gives() {
    let (whole, dir) = (Dir::new(), Dir::new());
    a_run_that_ends(&whole.0);
    a_run_that_ends(&dir.0);
    let known = |dir: &Path| {
        let recovery = Recovery::read(dir).unwrap();
        let entries = recovery.entries;
        match recovery.past() {
            Past::Known(acd) => (acd.state(), entries, recovery),
            _ => panic!("no state"),
        }
    };
    let more = |dir: &Path, checkpoint: bool| {
        let (state, _, recovery) = known(dir);
        let (mut journal, ..) = recovery.begin(&core(), Options::default(), at(10), true).unwrap();
        if checkpoint {
            assert!(journal.checkpoint(at(10), state));
        }
        for (seconds, input) in [(10, Input::Started), (11, arrival(3)), (12, arrival(4))] {
            journal.append(at(seconds), &input).unwrap();
        }
        journal.close().unwrap();
    };
    more(&whole.0, false);
    more(&dir.0, true);
    let (state, entries, _) = known(&whole.0);
    let (again, after, _) = known(&dir.0);
    assert!(
        again == state,
        "restored and replayed it differs from what was replayed"
    );
    assert_eq!(
        (after, entries),
        (3, 12),
        "only what came after the checkpoint is replayed"
    );
}
