//! Faults of disks, clocks and people: what each costs, and that none takes an acknowledged entry.

use crate::store::Store;
use crate::tests::{Dir, arrival, at, checkpoint, config, last_segment, open, options, replayed, try_open};
use crate::*;
use acd::Input;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A disk that takes so many bytes more, and then nothing at all: the moment of a crash.
struct Dying {
    inner: Box<dyn Store>,
    left: usize,
}

impl Store for Dying {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let taken = bytes.len().min(self.left);
        self.left -= taken;
        self.inner.write(&bytes[..taken])?;
        if taken < bytes.len() {
            return Err(io::Error::other("the machine is gone"));
        }
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        match self.left {
            0 => Err(io::Error::other("the machine is gone")),
            _ => self.inner.sync(),
        }
    }
    fn cut(&mut self, _: u64) -> io::Result<()> {
        Err(io::Error::other("the machine is gone"))
    }
    fn write_again(&mut self, _: Range<u64>) -> io::Result<()> {
        Err(io::Error::other("the machine is gone"))
    }
}

/// What is written in [`a_crash_at_any_byte_of_an_append_loses_nothing_acknowledged`], commit by commit.
fn commit(journal: &mut Journal, n: u64) -> Result<Committed, JournalError> {
    journal.append(at(n), &arrival(n)).unwrap();
    journal.note(at(n), "leg/1/0", Some(&[n as u8; 9])).unwrap();
    journal.decided(at(n), n * 1_000).unwrap();
    journal.commit(at(n))
}

#[test]
fn a_crash_at_any_byte_of_an_append_loses_nothing_acknowledged() {
    const COMMITS: u64 = 4;
    let whole = Dir::new();
    let (mut journal, _, _) = open(&whole.0);
    let head = fs::metadata(last_segment(&whole.0)).unwrap().len();
    for n in 1..=COMMITS {
        commit(&mut journal, n).unwrap();
    }
    drop(journal);
    let length = fs::metadata(last_segment(&whole.0)).unwrap().len() - head;
    let all = replayed(&mut Journal::recover(&whole.0).unwrap());
    for left in 0..=length as usize {
        let dir = Dir::new();
        let (mut journal, _, _) = open(&dir.0);
        journal.replace_store(|inner| Box::new(Dying { inner, left }));
        let acknowledged = (1..=COMMITS)
            .take_while(|n| commit(&mut journal, *n).is_ok())
            .count();
        drop(journal);
        let mut recovered = Journal::recover(&dir.0).unwrap();
        let read = replayed(&mut recovered);
        assert!(read.len() >= 3 * acknowledged, "after {left} bytes");
        assert_eq!(read, all[..read.len()], "after {left} bytes");
        let noted = read.len() / 3;
        let note = recovered.notes().get("leg/1/0").map(|value| value[0] as usize);
        assert_eq!(
            note,
            (noted > 0).then_some(noted),
            "the note belongs to the last entries"
        );
        let (journal, _) = recovered
            .begin(&config(), options(), at(9), Begins::Continuing)
            .unwrap();
        drop(journal);
        assert_eq!(
            replayed(&mut Journal::recover(&dir.0).unwrap()),
            read,
            "and stays so"
        );
    }
}

/// A disk whose syncs fail while `sick`, and that tells what it was asked to write again.
struct Forgetful {
    inner: Box<dyn Store>,
    sick: Arc<Mutex<bool>>,
    again: Arc<Mutex<Vec<Range<u64>>>>,
}

impl Store for Forgetful {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        if *self.sick.lock().unwrap() {
            // EIO, as a device gives it.
            return Err(io::Error::from_raw_os_error(5));
        }
        self.inner.sync()
    }
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.inner.cut(length)
    }
    fn write_again(&mut self, range: Range<u64>) -> io::Result<()> {
        self.again.lock().unwrap().push(range.clone());
        self.inner.write_again(range)
    }
}

#[test]
fn after_a_sync_that_failed_all_that_was_not_on_disk_is_written_again() {
    let dir = Dir::new();
    let often = Options {
        durability: Durability::Interval(Duration::ZERO),
        ..options()
    };
    let (mut journal, _, _) = try_open(&dir.0, often).unwrap();
    let (sick, again) = (Arc::new(Mutex::new(false)), Arc::new(Mutex::new(Vec::new())));
    let (s, a) = (sick.clone(), again.clone());
    journal.replace_store(|inner| {
        Box::new(Forgetful {
            inner,
            sick: s,
            again: a,
        })
    });
    let length = || fs::metadata(last_segment(&dir.0)).unwrap().len();
    commit(&mut journal, 1).unwrap();
    let durable = length();
    *sick.lock().unwrap() = true;
    for n in 2..4 {
        let error = commit(&mut journal, n).unwrap_err();
        assert!(error.to_string().contains("cannot sync"), "{error}");
    }
    *sick.lock().unwrap() = false;
    commit(&mut journal, 4).unwrap();
    // Twice: the second sync that failed had it written again too.
    let again = again.lock().unwrap().clone();
    assert_eq!(again.len(), 2);
    assert_eq!(again[1], durable..length());
    drop(journal);
    assert_eq!(replayed(&mut Journal::recover(&dir.0).unwrap()).len(), 12);
}

#[test]
fn a_disk_that_failed_is_left_alone_for_a_while_and_the_last_act_tries_it_all_the_same() {
    let dir = Dir::new();
    let patient = Options {
        retry_after: Duration::from_secs(3_600),
        ..options()
    };
    let (mut journal, _, _) = try_open(&dir.0, patient).unwrap();
    let sick = Arc::new(Mutex::new(true));
    let s = sick.clone();
    journal.replace_store(|inner| {
        Box::new(Forgetful {
            inner,
            sick: s,
            again: Arc::default(),
        })
    });
    assert!(matches!(commit(&mut journal, 1), Err(JournalError::Io { .. })));
    *sick.lock().unwrap() = false;
    assert!(matches!(
        commit(&mut journal, 2),
        Err(JournalError::StillFailing { .. })
    ));
    journal.close().unwrap();
    assert_eq!(replayed(&mut Journal::recover(&dir.0).unwrap()).len(), 6);
}

#[test]
fn a_clock_that_steps_back_an_hour_changes_neither_order_nor_time() {
    let dir = Dir::new();
    let (mut journal, _, _) = open(&dir.0);
    let times = [at(7_200), at(3_600), at(3_600), at(7_300)];
    for time in times {
        journal.append(time, &Input::Tick).unwrap();
    }
    journal.commit(at(3_600)).unwrap();
    journal.append(at(3_700), &Input::Tick).unwrap();
    journal.commit(at(3_700)).unwrap();
    drop(journal);
    let mut recovered = Journal::recover(&dir.0).unwrap();
    let read: Vec<_> = replayed(&mut recovered).iter().map(|entry| entry.at).collect();
    assert_eq!(read, [&times[..], &[at(3_700)]].concat());
    // The latest, not the last: an engine's clock must not begin before it.
    assert_eq!(recovered.last_at(), Some(at(7_300)));
}

/// Copies the files whose names end in `suffix`.
fn copy(from: &Path, to: &Path, suffix: &str) {
    for item in fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        if path.extension().is_some_and(|e| e == suffix) {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

#[test]
fn an_older_copy_put_back_is_the_state_of_that_time_and_a_newer_checkpoint_beside_it_wins() {
    let (dir, backup) = (Dir::new(), Dir::new());
    let (mut journal, _, _) = open(&dir.0);
    commit(&mut journal, 1).unwrap();
    checkpoint(&mut journal, at(1), b"one");
    commit(&mut journal, 2).unwrap();
    copy(&dir.0, &backup.0, "journal");
    copy(&dir.0, &backup.0, "checkpoint");
    commit(&mut journal, 3).unwrap();
    checkpoint(&mut journal, at(3), b"three");
    drop(journal);

    // All of it put back: a journal like any other, of an earlier moment.
    let mut recovered = Journal::recover(&backup.0).unwrap();
    assert_eq!(replayed(&mut recovered).len(), 3);
    assert!(matches!(recovered.start(), Start::Checkpoint(found) if found.core == b"one"));
    drop(recovered);

    // The log alone put back, under a checkpoint that is further: nothing that is in the checkpoint is lost.
    copy(&backup.0, &dir.0, "journal");
    let mut recovered = Journal::recover(&dir.0).unwrap();
    assert_eq!(replayed(&mut recovered), []);
    assert!(matches!(recovered.start(), Start::Checkpoint(found) if found.core == b"three"));
    let (mut journal, opened) = recovered
        .begin(&config(), options(), at(9), Begins::Continuing)
        .unwrap();
    assert_eq!((opened.next_call, opened.missing), (4, 0));
    commit(&mut journal, 4).unwrap();
    drop(journal);
    assert_eq!(replayed(&mut Journal::recover(&dir.0).unwrap()).len(), 3);
}

#[test]
fn half_a_checkpoint_is_no_checkpoint() {
    let dir = Dir::new();
    let (mut journal, _, _) = open(&dir.0);
    commit(&mut journal, 1).unwrap();
    checkpoint(&mut journal, at(1), b"one");
    drop(journal);
    let (_, path) = checkpoints(&dir.0).unwrap().remove(0);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(dir.0.join("00000000000099.unfinished"), &whole[..length]).unwrap();
        fs::write(dir.0.join("00000000000099.checkpoint"), &whole[..length]).unwrap();
        let recovered = Journal::recover(&dir.0).unwrap();
        assert!(matches!(recovered.start(), Start::Checkpoint(found) if found.index == 3));
        assert_eq!(recovered.passed_over().len(), 1);
    }
}

#[test]
fn a_damaged_middle_is_refused_shown_and_cut_only_when_told_to() {
    let dir = Dir::new();
    let (mut journal, _, _) = open(&dir.0);
    commit(&mut journal, 1).unwrap();
    let path = last_segment(&dir.0);
    let good = fs::metadata(&path).unwrap().len();
    for n in 2..5 {
        commit(&mut journal, n).unwrap();
    }
    drop(journal);
    assert!(plan_repair(&dir.0).unwrap().is_needless());
    let mut bytes = fs::read(&path).unwrap();
    bytes[good as usize + 30] ^= 1;
    fs::write(&path, &bytes).unwrap();

    let error = Journal::recover(&dir.0)
        .unwrap()
        .replay(&mut |_, _| {})
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains(&format!("at byte {good}")) && said.contains("holdfast journal repair"),
        "{said}"
    );
    let found = inspect(&dir.0, &mut |_| {}).unwrap();
    assert_eq!(found.segments[0].holds.calls, 1);
    assert!(matches!(found.segments[0].end, End::Damaged { offset, .. } if offset == good));

    let plan = plan_repair(&dir.0).unwrap();
    assert_eq!(plan.cuts.len(), 1);
    assert_eq!(
        (plan.cuts[0].offset, plan.cuts[0].bytes),
        (Some(good), bytes.len() as u64 - good)
    );
    // The frame that is damaged cannot be counted; the two behind it can.
    assert_eq!((plan.lost.calls, plan.lost.notes), (2, 2));
    assert_eq!(fs::read(&path).unwrap(), bytes, "showing changes nothing");
    plan.carry_out(&dir.0).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes[..good as usize]);
    assert_eq!(
        fs::read(dir.0.join("0000000001.journal.cut")).unwrap(),
        bytes[good as usize..]
    );
    assert_eq!(replayed(&mut Journal::recover(&dir.0).unwrap()).len(), 3);
}

#[test]
fn damage_in_an_earlier_segment_puts_the_later_ones_aside_too() {
    let dir = Dir::new();
    let small = Options {
        segment_bytes_max: 700,
        ..options()
    };
    let (mut journal, _, _) = try_open(&dir.0, small).unwrap();
    for n in 1..40 {
        commit(&mut journal, n).unwrap();
    }
    drop(journal);
    let found = segments(&dir.0).unwrap();
    assert!(found.len() > 3);
    fs::write(&found[1].1, b"something else").unwrap();
    let plan = plan_repair(&dir.0).unwrap();
    assert_eq!(plan.cuts.len(), found.len() - 1);
    plan.carry_out(&dir.0).unwrap();
    assert_eq!(segments(&dir.0).unwrap().len(), 1);
    assert!(!replayed(&mut Journal::recover(&dir.0).unwrap()).is_empty());
}
