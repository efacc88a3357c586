//! The journal against crashes at every byte, a full disk, and its own limits.

use crate::format::{FRAME_FIXED, HEAD_FIXED};
use crate::store::Store;
use crate::*;
use acd::schedule::Schedule;
use acd::{AcdConfig, CallId, CallerNumber, Input, QueueId, Timestamp, TrunkId};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A directory of this test's own, gone when the test is over.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "journal-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Stands in for the store while a test wraps it.
pub(crate) struct Nowhere;

impl Store for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn sync(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn cut(&mut self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn write_again(&mut self, _: std::ops::Range<u64>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A disk that is full while `full` is set: half of what is written arrives. Syncs fail while `sick` is set.
struct Faulty {
    inner: Box<dyn Store>,
    full: Arc<AtomicBool>,
    sick: Arc<AtomicBool>,
}

impl Store for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            self.inner.write(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.write(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        if self.sick.load(Ordering::Relaxed) {
            return Err(io::Error::other("failing device"));
        }
        self.inner.sync()
    }
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.inner.cut(length)
    }
    fn write_again(&mut self, range: std::ops::Range<u64>) -> io::Result<()> {
        self.inner.write_again(range)
    }
}

pub(crate) fn config() -> AcdConfig {
    AcdConfig {
        schedule: Schedule {
            time_zone: "Asia/Shanghai".into(),
            lines_otherwise: 4,
            windows: vec![],
            holidays: vec![],
            workdays: vec![],
        },
        queues: vec![],
        operators: vec![],
        pause_reasons: vec![],
        calls_max: 1_000,
        dialable: vec![],
        forwards: vec![],
        transfer: None,
    }
}

pub(crate) fn at(n: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + n)
}

pub(crate) fn arrival(n: u64) -> Input {
    let caller = CallerNumber::new("02112345678");
    Input::CallArrived {
        call: CallId(n),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller,
        skills: acd::Skills::default(),
    }
}

pub(crate) fn try_open(dir: &Path, options: Options) -> Result<(Journal, Opened, Vec<Entry>), JournalError> {
    let mut seen = Vec::new();
    let (journal, opened) = Journal::open(dir, &config(), options, at(0), &mut |head, entry| {
        assert_eq!(head.config, config());
        seen.push(entry);
    })?;
    Ok((journal, opened, seen))
}

/// Options that do not make a test wait.
pub(crate) fn options() -> Options {
    Options {
        retry_after: std::time::Duration::ZERO,
        ..Options::default()
    }
}

pub(crate) fn open(dir: &Path) -> (Journal, Opened, Vec<Entry>) {
    try_open(dir, options()).unwrap()
}

/// Writes `batches` commits of two entries each; returns the entries and where each commit ended in the file.
fn write_log(dir: &Path, batches: u64) -> (Vec<Entry>, Vec<u64>) {
    let (mut journal, _, _) = open(dir);
    let mut entries = Vec::new();
    let mut ends = vec![fs::metadata(last_segment(dir)).unwrap().len()];
    for n in 0..batches {
        for input in [arrival(n + 1), Input::PromptDone { call: CallId(n + 1) }] {
            let index = journal.append(at(n), &input).unwrap();
            entries.push(Entry {
                index,
                at: at(n),
                body: Body::Input(input),
            });
        }
        let committed = journal.commit(at(n)).unwrap();
        assert!(committed.bytes > 0 && committed.sync.is_some());
        ends.push(fs::metadata(last_segment(dir)).unwrap().len());
    }
    (entries, ends)
}

/// Writes a checkpoint and waits until it is on disk.
pub(crate) fn checkpoint(journal: &mut Journal, at: Timestamp, core: &[u8]) -> Checkpointed {
    assert!(journal.checkpoint(at, core.to_vec()));
    loop {
        if let Some(done) = journal.checkpointed(at) {
            return done.unwrap();
        }
        std::thread::yield_now();
    }
}

pub(crate) fn last_segment(dir: &Path) -> PathBuf {
    segments(dir).unwrap().pop().unwrap().1
}

#[test]
fn entries_come_back_in_order_and_the_next_run_counts_on() {
    let dir = Dir::new();
    let (written, _) = write_log(&dir.0, 3);
    let (_, opened, read) = open(&dir.0);
    assert_eq!(read, written);
    assert_eq!(
        (opened.epoch, opened.next_call, opened.torn, opened.missing),
        (2, 4, None, 0)
    );
    assert_eq!(opened.last_at, Some(at(2)));

    let (mut journal, opened, read) = {
        // A run that wrote nothing must not make the next one forget what was used up before it.
        drop(open(&dir.0));
        open(&dir.0)
    };
    assert_eq!(read, []);
    assert_eq!((opened.epoch, opened.next_call), (4, 4));
    assert_eq!(journal.append(at(9), &Input::Tick).unwrap(), 6);
}

#[test]
fn nothing_is_on_disk_before_the_commit() {
    let dir = Dir::new();
    let (mut journal, _, _) = open(&dir.0);
    let before = fs::metadata(last_segment(&dir.0)).unwrap().len();
    journal.append(at(1), &arrival(1)).unwrap();
    assert_eq!(fs::metadata(last_segment(&dir.0)).unwrap().len(), before);
    let committed = journal.commit(at(1)).unwrap();
    assert_eq!(
        fs::metadata(last_segment(&dir.0)).unwrap().len(),
        before + committed.bytes
    );
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_to_the_last_whole_commit() {
    let source = Dir::new();
    let (written, ends) = write_log(&source.0, 4);
    let bytes = fs::read(last_segment(&source.0)).unwrap();
    for length in ends[0]..=bytes.len() as u64 {
        let dir = Dir::new();
        let path = dir.0.join("0000000001.journal");
        fs::write(&path, &bytes[..length as usize]).unwrap();
        let whole = ends.iter().filter(|end| **end <= length).count() - 1;
        let (_, opened, read) = open(&dir.0);
        assert_eq!(read, written[..2 * whole], "cut at {length}");
        let torn = length - ends[whole];
        assert_eq!(
            opened.torn.as_ref().map_or(0, |t| t.bytes),
            torn,
            "cut at {length}"
        );
        assert_eq!(fs::metadata(&path).unwrap().len(), ends[whole]);
        if let Some(t) = opened.torn {
            assert_eq!(
                fs::read(t.kept_in).unwrap(),
                &bytes[ends[whole] as usize..length as usize]
            );
        }
    }
}

#[test]
fn a_wrong_byte_anywhere_is_never_taken_for_truth() {
    let source = Dir::new();
    let (written, ends) = write_log(&source.0, 4);
    let bytes = fs::read(last_segment(&source.0)).unwrap();
    let last_frame = ends[ends.len() - 2];
    for at in 0..bytes.len() {
        let dir = Dir::new();
        let path = dir.0.join("0000000001.journal");
        let mut wrong = bytes.clone();
        wrong[at] ^= 0x20;
        fs::write(&path, &wrong).unwrap();
        match try_open(&dir.0, Options::default()) {
            // Nothing vouches for the last frame: for all one can tell a crash tore it.
            Ok((_, opened, read)) => {
                assert!(at as u64 >= last_frame, "byte {at} was taken for torn");
                assert_eq!(read, written[..written.len() - 2]);
                assert_eq!(opened.torn.map(|t| t.offset), Some(last_frame));
            }
            Err(error) => {
                assert!((at as u64) < last_frame, "byte {at}: {error}");
                assert_eq!(
                    fs::read(&path).unwrap(),
                    wrong,
                    "a refused file must stay as it is"
                );
                let frame = ends.iter().rev().find(|end| **end <= at as u64).copied();
                match error {
                    JournalError::Damaged { offset, .. } => assert_eq!(offset, frame.unwrap_or(0)),
                    JournalError::NotASegment { .. } | JournalError::NewerFormat { .. } => assert!(at < 12),
                    other => panic!("byte {at}: {other}"),
                }
            }
        }
    }
}

#[test]
fn an_unsynced_tail_with_a_hole_counts_as_torn() {
    let dir = Dir::new();
    let options = Options {
        durability: Durability::Never,
        ..Options::default()
    };
    let (mut journal, _, _) = try_open(&dir.0, options).unwrap();
    let start = fs::metadata(last_segment(&dir.0)).unwrap().len();
    for n in 1..=3 {
        journal.append(at(n), &arrival(n)).unwrap();
        assert_eq!(journal.commit(at(n)).unwrap().sync, None);
    }
    drop(journal);
    // The power went: the disk had taken the later pages and not the first.
    let path = last_segment(&dir.0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[start as usize..start as usize + FRAME_FIXED + 10].fill(0);
    fs::write(&path, &bytes).unwrap();
    let (_, opened, read) = open(&dir.0);
    assert_eq!(read, []);
    assert_eq!(opened.torn.map(|t| t.offset), Some(start));
}

#[test]
fn nobody_else_may_read_the_callers_numbers() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    let inside = dir.0.join("made/by/the/journal");
    write_log(&inside, 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inside), 0o700);
    assert_eq!(mode(&last_segment(&inside)), 0o600);
}

#[test]
fn the_disk_is_asked_to_keep_it_as_often_as_was_chosen() {
    let hour = std::time::Duration::from_secs(3_600);
    let table = [
        (Durability::EveryBatch, true),
        (Durability::Interval(std::time::Duration::ZERO), true),
        (Durability::Interval(hour), false),
        (Durability::Never, false),
    ];
    for (durability, synced) in table {
        let dir = Dir::new();
        let (mut journal, _, _) = try_open(
            &dir.0,
            Options {
                durability,
                ..Options::default()
            },
        )
        .unwrap();
        let sick = Arc::new(AtomicBool::new(false));
        let s = sick.clone();
        journal.replace_store(|inner| {
            Box::new(Faulty {
                inner,
                full: Arc::default(),
                sick: s,
            })
        });
        journal.append(at(1), &arrival(1)).unwrap();
        assert_eq!(
            journal.commit(at(1)).unwrap().sync.is_some(),
            synced,
            "{durability:?}"
        );
        assert_eq!(
            journal.commit(at(1)).unwrap(),
            Committed::default(),
            "nothing new: {durability:?}"
        );
        // The last act makes everything durable, whatever was chosen: a sick disk shows that it was asked.
        sick.store(true, Ordering::Relaxed);
        journal.append(at(2), &arrival(2)).unwrap();
        assert!(journal.close().is_err(), "{durability:?}");
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let dir = Dir::new();
    write_log(&dir.0, 1);
    let path = last_segment(&dir.0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(&(FORMAT_VERSION + 1).to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let error = try_open(&dir.0, Options::default()).err().unwrap();
    assert!(
        matches!(
            error,
            JournalError::NewerFormat {
                found: 4,
                known: 3,
                ..
            }
        ),
        "{error}"
    );
}

/// A segment as version 1 wrote it.
fn version_1(epoch: u64, inputs: &[(Timestamp, Input)]) -> Vec<u8> {
    let head = serde_json::json!({
        "segment": 1, "epoch": epoch, "first_index": 0, "run_index": 0, "next_call": 1,
        "created": at(0), "config": config(),
    });
    let json = serde_json::to_vec(&head).unwrap();
    let mut bytes = b"HOLDFAST".to_vec();
    bytes.extend(1u32.to_le_bytes());
    bytes.extend((json.len() as u32).to_le_bytes());
    bytes.extend(crc32c::crc32c_append(crc32c::crc32c(&bytes[8..16]), &json).to_le_bytes());
    bytes.extend(json);
    for (index, (at, input)) in (0u64..).zip(inputs) {
        let json = serde_json::to_vec(input).unwrap();
        let mut frame = (12 + json.len() as u32).to_le_bytes().to_vec();
        let mut rest = index.to_le_bytes().to_vec();
        rest.extend((bytes.len() as u64).to_le_bytes());
        rest.extend(at.as_micros().to_le_bytes());
        rest.extend((json.len() as u32).to_le_bytes());
        rest.extend(json);
        frame.extend(crc32c::crc32c_append(crc32c::crc32c(&frame), &rest).to_le_bytes());
        bytes.extend(frame);
        bytes.extend(rest);
    }
    bytes
}

#[test]
fn a_journal_of_version_1_is_read_and_gone_on_from() {
    let dir = Dir::new();
    let inputs = [(at(1), arrival(1)), (at(2), Input::Tick), (at(2), arrival(2))];
    fs::write(dir.0.join("0000000001.journal"), version_1(6, &inputs)).unwrap();
    let mut recovered = Journal::recover(&dir.0).unwrap();
    assert_eq!(recovered.start(), &Start::Empty);
    let read = replayed(&mut recovered);
    let inputs = inputs.map(|(at, input)| (at, Body::Input(input)));
    assert_eq!(
        read.into_iter().map(|e| (e.at, e.body)).collect::<Vec<_>>(),
        inputs
    );
    let (mut journal, opened) = recovered
        .begin(&config(), options(), at(3), Begins::Continuing)
        .unwrap();
    assert_eq!((opened.epoch, opened.next_call), (7, 3));
    journal.append(at(3), &arrival(3)).unwrap();
    journal.commit(at(3)).unwrap();
    drop(journal);
    // Both versions in one line, since the second run went on from the first.
    let mut recovered = Journal::recover(&dir.0).unwrap();
    assert_eq!(replayed(&mut recovered).len(), 4);
}

#[test]
fn a_second_engine_is_kept_out_while_the_first_lives() {
    let dir = Dir::new();
    let first = open(&dir.0);
    assert!(matches!(
        try_open(&dir.0, Options::default()),
        Err(JournalError::InUse { .. })
    ));
    drop(first);
    open(&dir.0);
}

#[test]
fn a_full_disk_loses_nothing_once_there_is_room_again() {
    let dir = Dir::new();
    let full = Arc::new(AtomicBool::new(false));
    let sick = Arc::new(AtomicBool::new(false));
    let (mut journal, _, _) = open(&dir.0);
    let (f, s) = (full.clone(), sick.clone());
    journal.replace_store(|inner| {
        Box::new(Faulty {
            inner,
            full: f,
            sick: s,
        })
    });
    for (n, fault) in [(1, None), (2, Some(&full)), (3, Some(&sick)), (4, None)] {
        if let Some(fault) = fault {
            fault.store(true, Ordering::Relaxed);
        }
        journal.append(at(n), &arrival(n)).unwrap();
        assert_eq!(journal.commit(at(n)).is_ok(), fault.is_none(), "commit {n}");
        full.store(false, Ordering::Relaxed);
        sick.store(false, Ordering::Relaxed);
    }
    assert_eq!(journal.missing(), 0);
    drop(journal);
    let (_, opened, read) = open(&dir.0);
    assert_eq!(
        read.into_iter().map(|e| e.body).collect::<Vec<_>>(),
        (1..=4).map(|n| Body::Input(arrival(n))).collect::<Vec<_>>()
    );
    assert_eq!((opened.torn, opened.missing), (None, 0));
}

#[test]
fn a_disk_that_stays_full_costs_bounded_memory_and_the_hole_shows() {
    let dir = Dir::new();
    let full = Arc::new(AtomicBool::new(true));
    let (mut journal, _, _) = open(&dir.0);
    let f = full.clone();
    journal.replace_store(|inner| {
        Box::new(Faulty {
            inner,
            full: f,
            sick: Arc::default(),
        })
    });
    let mut appended = 0;
    while journal.missing() < 10 {
        journal.append(at(1), &arrival(1)).unwrap();
        appended += 1;
    }
    assert!(journal.commit(at(1)).is_err());
    full.store(false, Ordering::Relaxed);
    journal.commit(at(1)).unwrap();
    assert_eq!(journal.append(at(2), &Input::Tick).unwrap(), appended);
    journal.commit(at(2)).unwrap();
    drop(journal);
    let (_, opened, read) = open(&dir.0);
    assert_eq!(opened.missing, 10);
    assert_eq!(read.len() as u64, appended - 10 + 1);
    assert_eq!(read.last().map(|e| e.index), Some(appended));
}

#[test]
fn long_journals_roll_and_the_oldest_segments_go() {
    let dir = Dir::new();
    let options = Options {
        segment_bytes_max: 1_000,
        segments_max: 3,
        ..Options::default()
    };
    let (mut journal, _, _) = try_open(&dir.0, options).unwrap();
    for n in 1..=100 {
        journal.append(at(n), &arrival(n)).unwrap();
        journal.commit(at(n)).unwrap();
    }
    // Nothing stands in for the first entries yet: were they removed, the state could not be rebuilt.
    assert!(segments(&dir.0).unwrap().len() > 3);
    for n in 101..=102 {
        journal.append(at(n), &arrival(n)).unwrap();
        journal.commit(at(n)).unwrap();
        checkpoint(&mut journal, at(n), b"state");
    }
    drop(journal);
    let kept = segments(&dir.0).unwrap();
    assert_eq!(kept.len(), 3);
    assert!(kept[0].0 > 1);
    let (_, opened, read) = open(&dir.0);
    assert_eq!((opened.epoch, opened.next_call, opened.missing), (2, 103, 0));
    assert_eq!(read, [], "all of it is in the checkpoint");
}

/// A run with two notes and a checkpoint in its middle; returns what it wrote after the checkpoint.
fn write_with_checkpoint(dir: &Path) -> Entry {
    let (mut journal, _, _) = open(dir);
    journal.note(at(1), "leg/1/0", Some(b"early")).unwrap();
    journal.append(at(1), &arrival(1)).unwrap();
    journal.note(at(1), "phone/1001", Some(b"there")).unwrap();
    journal.commit(at(1)).unwrap();
    checkpoint(&mut journal, at(1), b"one");
    journal.note(at(2), "leg/1/0", None).unwrap();
    journal.note(at(2), "phone/1001", Some(b"there")).unwrap();
    journal.note(at(2), "leg/2/0", Some(b"late")).unwrap();
    let index = journal.append(at(2), &arrival(2)).unwrap();
    journal.commit(at(2)).unwrap();
    checkpoint(&mut journal, at(2), b"two");
    let after = index + 1;
    assert_eq!(journal.append(at(3), &arrival(3)).unwrap(), after);
    journal.commit(at(3)).unwrap();
    Entry {
        index: after,
        at: at(3),
        body: Body::Input(arrival(3)),
    }
}

fn notes(of: &[(&str, &[u8])]) -> Notes {
    of.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).into()))
        .collect()
}

pub(crate) fn replayed(recovered: &mut Recovered) -> Vec<Entry> {
    let mut seen = Vec::new();
    recovered.replay(&mut |_, entry| seen.push(entry)).unwrap();
    seen
}

#[test]
fn a_start_goes_on_from_the_last_checkpoint_with_the_latest_notes() {
    let dir = Dir::new();
    let after = write_with_checkpoint(&dir.0);
    for epoch in 2..4 {
        let mut recovered = Journal::recover(&dir.0).unwrap();
        let Start::Checkpoint(found) = recovered.start().clone() else {
            panic!("{:?}", recovered.start());
        };
        assert_eq!(
            (found.core, found.at, found.index),
            (b"two".to_vec(), at(2), after.index)
        );
        assert_eq!(found.hash, StateHash::of(b"two"));
        assert_eq!(replayed(&mut recovered), std::slice::from_ref(&after));
        let noted = notes(&[("leg/2/0", b"late"), ("phone/1001", b"there")]);
        assert_eq!(recovered.notes(), &noted);
        let options = Options::default();
        let (journal, opened) = recovered
            .begin(&config(), options, at(9), Begins::Continuing)
            .unwrap();
        assert_eq!((opened.epoch, opened.next_call), (epoch, 4));
        assert_eq!(opened.last_at, Some(at(3)));
        assert_eq!(journal.notes(), &noted);
    }
}

#[test]
fn a_damaged_checkpoint_costs_a_longer_replay_and_nothing_else() {
    let dir = Dir::new();
    let after = write_with_checkpoint(&dir.0);
    let (_, newest) = checkpoints(&dir.0).unwrap().pop().unwrap();
    let whole = fs::read(&newest).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x01;
        fs::write(&newest, bytes).unwrap();
        let recovered = Journal::recover(&dir.0);
        if (8..12).contains(&place) {
            // A version from the future or from before there were checkpoints; the checksum covers it.
            if matches!(recovered, Err(JournalError::NewerFormat { .. })) {
                continue;
            }
        }
        let mut recovered = recovered.unwrap();
        assert_eq!(recovered.passed_over().len(), 1, "byte {place}");
        let Start::Checkpoint(found) = recovered.start().clone() else {
            panic!("byte {place}: {:?}", recovered.start());
        };
        assert_eq!(found.core, b"one");
        let read = replayed(&mut recovered);
        assert_eq!(read.last(), Some(&after));
        assert_eq!(read.len() as u64, after.index + 1 - found.index);
        assert_eq!(
            recovered.notes(),
            &notes(&[("leg/2/0", b"late"), ("phone/1001", b"there")])
        );
    }
}

#[test]
fn a_run_that_begins_empty_leaves_the_state_behind_and_keeps_the_notes() {
    let dir = Dir::new();
    write_with_checkpoint(&dir.0);
    drop(open(&dir.0));
    let mut recovered = Journal::recover(&dir.0).unwrap();
    assert_eq!(recovered.start(), &Start::Empty);
    let inputs = replayed(&mut recovered)
        .into_iter()
        .filter(|e| matches!(e.body, Body::Input(_)))
        .count();
    assert_eq!(inputs, 0);
    assert_eq!(
        recovered.notes(),
        &notes(&[("leg/2/0", b"late"), ("phone/1001", b"there")])
    );
}

#[test]
fn without_a_beginning_or_a_checkpoint_the_start_is_refused() {
    let dir = Dir::new();
    let options = Options {
        segment_bytes_max: 2_000,
        segments_max: 2,
        ..Options::default()
    };
    let (mut journal, _, _) = try_open(&dir.0, options).unwrap();
    for n in 1..=100 {
        journal.append(at(n), &arrival(n)).unwrap();
        journal.commit(at(n)).unwrap();
    }
    checkpoint(&mut journal, at(100), b"one");
    journal.append(at(100), &Input::Tick).unwrap();
    journal.commit(at(100)).unwrap();
    checkpoint(&mut journal, at(100), b"two");
    drop(journal);
    for (_, path) in checkpoints(&dir.0).unwrap() {
        fs::write(path, b"nothing of the kind").unwrap();
    }
    let error = Journal::recover(&dir.0).unwrap_err();
    assert!(matches!(error, JournalError::NoWayBack { .. }), "{error}");
    for (_, path) in checkpoints(&dir.0).unwrap() {
        fs::remove_file(path).unwrap();
    }
    // Whoever moved them away has decided to begin anew.
    assert_eq!(Journal::recover(&dir.0).unwrap().start(), &Start::Unknown);
}

#[test]
fn files_of_two_journals_are_not_mixed() {
    let (dir, other) = (Dir::new(), Dir::new());
    write_log(&dir.0, 7);
    write_log(&other.0, 5);
    let (mut journal, opened) = {
        let mut recovered = Journal::recover(&other.0).unwrap();
        replayed(&mut recovered);
        recovered
            .begin(&config(), Options::default(), at(9), Begins::Continuing)
            .unwrap()
    };
    assert_eq!(opened.epoch, 2);
    journal.append(at(10), &arrival(10)).unwrap();
    journal.commit(at(10)).unwrap();
    drop(journal);
    // The second segment of one that had five commits before it, behind the first of one that had seven.
    fs::copy(
        other.0.join("0000000002.journal"),
        dir.0.join("0000000002.journal"),
    )
    .unwrap();
    let mut recovered = Journal::recover(&dir.0).unwrap();
    let error = recovered.replay(&mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("two journals are mixed"), "{error}");
}

#[test]
fn call_backs_do_not_use_up_call_ids() {
    let dir = Dir::new();
    let (mut journal, _, _) = open(&dir.0);
    journal.append(at(1), &arrival(5)).unwrap();
    journal.append(at(1), &arrival(1 << 52 | 7)).unwrap();
    journal.commit(at(1)).unwrap();
    drop(journal);
    assert_eq!(open(&dir.0).1.next_call, 6);
}

#[test]
fn a_note_that_is_too_long_is_refused_and_the_one_before_it_stays() {
    let dir = Dir::new();
    let (mut journal, _, _) = open(&dir.0);
    journal.note(at(1), "a", Some(b"short")).unwrap();
    let long = vec![0; NOTE_MAX + 1];
    assert!(matches!(
        journal.note(at(1), "a", Some(&long)),
        Err(JournalError::NoteTooLong { .. })
    ));
    assert!(journal.note(at(1), &"k".repeat(NOTE_KEY_MAX + 1), None).is_err());
    journal.note(at(1), "b", Some(&long[1..])).unwrap();
    journal.commit(at(1)).unwrap();
    drop(journal);
    let mut recovered = Journal::recover(&dir.0).unwrap();
    replayed(&mut recovered);
    assert_eq!(recovered.notes(), &notes(&[("a", b"short"), ("b", &long[1..])]));
}

#[test]
fn all_segments_together_stay_within_their_bytes() {
    let dir = Dir::new();
    let options = Options {
        segment_bytes_max: 2_000,
        bytes_max: 10_000,
        ..Options::default()
    };
    let (mut journal, _, _) = try_open(&dir.0, options).unwrap();
    for n in 1..=200 {
        journal.append(at(n), &arrival(n)).unwrap();
        journal.commit(at(n)).unwrap();
        checkpoint(&mut journal, at(n), b"state");
        let total: u64 = segments(&dir.0)
            .unwrap()
            .iter()
            .map(|(_, p)| fs::metadata(p).unwrap().len())
            .sum();
        // A segment is closed once it is over its length, so by at most one entry's frame.
        assert!(total <= 10_000 + 200, "{total}");
    }
}

#[test]
fn damage_in_a_closed_segment_of_the_last_run_stops_the_start() {
    let dir = Dir::new();
    let options = Options {
        segment_bytes_max: 1_000,
        ..Options::default()
    };
    let (mut journal, _, _) = try_open(&dir.0, options).unwrap();
    for n in 1..=40 {
        journal.append(at(n), &arrival(n)).unwrap();
        journal.commit(at(n)).unwrap();
    }
    drop(journal);
    let (_, first) = segments(&dir.0).unwrap().swap_remove(0);
    let length = fs::metadata(&first).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&first)
        .unwrap()
        .set_len(length - 5)
        .unwrap();
    let error = try_open(&dir.0, options).err().unwrap();
    assert!(
        matches!(error, JournalError::Damaged { offset, .. } if offset > HEAD_FIXED as u64),
        "{error}"
    );
}
