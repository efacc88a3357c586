//! `holdfast journal`, `replay` and `audit`, as a person runs them.

use acd::schedule::Schedule;
use acd::{Acd, AcdConfig, CallId, CallerNumber, GoneCause, Input, LegId, OperatorConfig, OperatorId};
use acd::{QueueConfig, QueueId, Skills, Timestamp, TrunkId};
use journal::{Begins, Journal, Options};
use replay::Decisions;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory that is gone when the test is over.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("holdfast-logs-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config() -> AcdConfig {
    AcdConfig {
        schedule: Schedule {
            time_zone: "Asia/Shanghai".into(),
            lines_otherwise: 2,
            windows: vec![],
            holidays: vec![],
            workdays: vec![],
        },
        queues: vec![QueueConfig::default()],
        operators: vec![OperatorConfig {
            name: "1001".into(),
            auto_ready: true,
            ..OperatorConfig::default()
        }],
        pause_reasons: vec![],
        calls_max: 10,
        dialable: vec![],
        forwards: vec![],
        transfer: None,
    }
}

/// Two callers, of whom the first is served; each input is a commit of its own.
fn write(dir: &Path) {
    let (queue, trunk, caller) = (QueueId(0), TrunkId(0), CallerNumber::new("02112345678"));
    let skills = Skills::default();
    let arrival = |n| Input::CallArrived {
        call: CallId(n),
        queue,
        trunk,
        caller,
        skills,
    };
    let leg = LegId {
        call: CallId(1),
        leg: 1,
    };
    let operator = OperatorId(0);
    let (call, cause) = (CallId(1), GoneCause::HungUp);
    let inputs = [
        Input::Tick,
        Input::PhoneRegistered { operator },
        arrival(1),
        arrival(2),
        Input::LegAnswered { leg },
        Input::CallerGone { call, cause },
    ];
    // A Monday at nine in Shanghai.
    let start = Timestamp::from_secs(1_795_395_600);
    let recovered = Journal::recover(dir).expect("a journal");
    let (mut journal, _) = recovered
        .begin(&config(), Options::default(), start, Begins::Empty)
        .expect("a run");
    let (mut core, mut decisions) = (Acd::new(config()).expect("good"), Decisions::default());
    for (n, input) in (0..).zip(inputs) {
        let at = start + std::time::Duration::from_secs(n);
        let mut outputs = Vec::new();
        journal.append(at, &input).expect("an entry");
        core.handle(at, input, &mut outputs);
        decisions.take(&outputs);
        journal.decided(at, decisions.hash()).expect("an entry");
        journal.commit(at).expect("a commit");
    }
    journal.close().expect("the end");
}

/// Runs the program; returns its exit code and what it said.
fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(args)
        .output()
        .expect("the program runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn check(args: &[&str], code: i32, says: &[&str]) {
    let (found, said) = run(args);
    assert_eq!(found, Some(code), "{args:?}: {said}");
    for words in says {
        assert!(said.contains(words), "{args:?} does not say {words:?}: {said}");
    }
}

#[test]
fn a_whole_journal_is_shown_replayed_explained_and_proven() {
    let dir = Dir::new("whole");
    write(&dir.0);
    let path = dir.0.to_str().expect("text");
    check(
        &["journal", "inspect", path],
        0,
        &["2026-11-23 09:00:00", "6 inputs", "2 calls", "whole"],
    );
    check(
        &["journal", "inspect", "--json", path],
        0,
        &["\"damaged\": false"],
    );
    check(&["journal", "repair", path], 0, &["nothing stands in the way"]);
    check(
        &["replay", path],
        0,
        &["6 inputs of 2 calls", "6 batches", "all decisions are the ones"],
    );
    check(&["replay", "--json", path], 0, &["\"agrees\": true"]);
    check(
        &["replay", "--explain", "1", path],
        0,
        &["talks with 1001", "call 1: talked with 1001", "021******78"],
    );
    check(
        &["replay", "--until", "2026-11-23T09:00:02", path],
        0,
        &["3 inputs of 1 calls"],
    );
    check(
        &["replay", "--explain", "9", path],
        1,
        &["call 9 is not in this journal"],
    );
    check(&["audit", path], 0, &["PROVEN"]);
    check(
        &["audit", "--json", "--from", "2026-11-23T09:00", path],
        0,
        &["\"proven\":true"],
    );
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let dir = Dir::new("empty");
    let path = dir.0.to_str().expect("text");
    check(&["replay", path], 2, &["there is no journal", "journal.dir"]);
    check(&["audit", "/nowhere/at/all"], 2, &["cannot list"]);
    write(&dir.0);
    check(
        &["audit", "--from", "noon", path],
        2,
        &["\"noon\" is not a moment", "2026-11-23T09:00"],
    );
}

#[test]
fn a_damaged_journal_is_shown_and_cut_only_when_told_to() {
    let dir = Dir::new("damaged");
    write(&dir.0);
    let path = dir.0.to_str().expect("text");
    let segment = dir.0.join("0000000001.journal");
    let mut bytes = fs::read(&segment).expect("a segment");
    let middle = bytes.len() - 150;
    bytes[middle] ^= 1;
    fs::write(&segment, &bytes).expect("written");
    check(
        &["journal", "inspect", path],
        1,
        &["DAMAGED at byte", "holdfast journal repair"],
    );
    check(
        &["replay", path],
        2,
        &["is damaged at byte", "holdfast journal repair"],
    );
    check(
        &["journal", "repair", path],
        1,
        &["nothing was changed", "repair --cut"],
    );
    assert_eq!(fs::read(&segment).expect("a segment"), bytes);
    check(
        &["journal", "repair", "--cut", path],
        0,
        &["a start is possible now"],
    );
    check(&["journal", "inspect", path], 0, &["whole"]);
    check(&["replay", path], 0, &["all decisions are the ones"]);
}
