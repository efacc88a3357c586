//! After warm-up the core allocates nothing, whatever the input: shown by an allocator that counts.
#![allow(
    unsafe_code,
    reason = "an allocator can only be wrapped by implementing an unsafe trait"
)]

use acd::schedule::Schedule;
use acd::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

/// Counts what this thread asks for, so that other tests do not matter.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // Gone only while the thread ends, when nobody counts any more.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` through `alloc` or `realloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the pointer came from `System`, and the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const WAITING: u64 = 1_000;
const OPERATORS: u32 = 20;

/// Callers come, give up, ring again, are rung for, declined, talked with; operators pause and wrap up; the clock
/// passes every kind of deadline.
struct House {
    acd: Acd,
    now: Timestamp,
    next_call: u64,
    outputs: Vec<Output>,
    rung: VecDeque<(LegId, OperatorId)>,
    talking: VecDeque<LegId>,
    /// Phones outside that ring.
    outside: VecDeque<LegId>,
    reached: u64,
}

impl House {
    fn input(&mut self, input: Input) {
        self.now = self.now + Duration::from_millis(1);
        self.acd.handle(self.now, input, &mut self.outputs);
        for output in self.outputs.drain(..) {
            match output {
                Output::Dial { leg, operator, .. } => self.rung.push_back((leg, operator)),
                Output::DialOut { leg, .. } => self.outside.push_back(leg),
                _ => {}
            }
        }
    }

    fn arrive(&mut self) {
        self.next_call += 1;
        let caller = self.number(self.next_call);
        let call = CallId(self.next_call);
        self.input(Input::CallArrived {
            call,
            queue: QueueId((self.next_call % 3) as u32),
            trunk: TrunkId(0),
            caller,
            skills: Skills(self.next_call / 2 % 2),
        });
    }

    /// Seven hundred numbers, so that some ring again within the grace.
    fn number(&self, n: u64) -> CallerNumber {
        let mut text = *b"1380000000";
        let mut rest = n % 700;
        for digit in text.iter_mut().rev().take(3) {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        CallerNumber::new(std::str::from_utf8(&text).unwrap())
    }

    fn cycle(&mut self, n: u64) {
        let operator = OperatorId((n % u64::from(OPERATORS)) as u32);
        self.arrive();
        self.arrive();
        let gives_up = CallId(self.next_call.saturating_sub(WAITING / 2));
        self.input(Input::CallerGone {
            call: gives_up,
            cause: GoneCause::HungUp,
        });
        if n.is_multiple_of(5) {
            self.input(Input::Dtmf {
                call: CallId(self.next_call.saturating_sub(WAITING / 4)),
                digit: if n.is_multiple_of(2) { '1' } else { '2' },
            });
        }
        if let Some(leg) = self.outside.pop_front() {
            self.reached += 1;
            self.input(Input::LegAnswered { leg });
        }
        if let Some((leg, _)) = self.rung.pop_front() {
            self.input(Input::LegRinging { leg });
            if n.is_multiple_of(13) {
                self.input(Input::LegFailed {
                    leg,
                    cause: FailCause::Declined,
                });
            } else {
                self.input(Input::LegAnswered { leg });
                self.talking.push_back(leg);
            }
        }
        if self.talking.len() > 8
            && let Some(leg) = self.talking.pop_front()
        {
            self.input(Input::LegHeld { leg, held: true });
            self.input(Input::LegGone { leg });
        }
        match n % 7 {
            0 => self.input(Input::Pause {
                operator,
                reason: PauseReason::Chosen(0),
            }),
            1 => self.input(Input::ExtendWrapUp { operator }),
            2 => self.input(Input::SetLines {
                lines: 1_500 - (n % 40) as u32,
                until: self.now + Duration::from_secs(5),
            }),
            _ => self.input(Input::Ready { operator }),
        }
    }
}

fn config() -> AcdConfig {
    let queue = QueueConfig {
        waiting_max: 1_000_000,
        wait_max: Duration::from_secs(20),
        ring_timeout: Duration::from_secs(2),
        place_grace: Duration::from_secs(2),
        announce_every: Duration::from_secs(5),
        wrap_up: Duration::from_millis(20),
        sticky: Duration::from_secs(3),
        call_back: Some(CallBack {
            offer_after: Duration::from_secs(1),
            promises_max: 200,
            within: Duration::from_secs(10),
            ring_timeout: Duration::from_millis(50),
            ..CallBack::default()
        }),
        choices: vec![Choice {
            key: '2',
            skills: Skills(1),
        }],
        on_timed_out: Overflow::Forward(0),
        ..QueueConfig::default()
    };
    let third = QueueConfig {
        strategy: Strategy::RingAll,
        ..queue.clone()
    };
    let second = QueueConfig {
        skills: Skills(1),
        relax_after: Duration::from_secs(1),
        head_start: Duration::from_secs(2),
        strategy: Strategy::LeastOccupied,
        ..queue.clone()
    };
    let operator = |n: u32| OperatorConfig {
        name: format!("op{n}"),
        skills: Skills(u64::from(n % 2)),
        rest: Duration::from_millis(30),
        ..OperatorConfig::default()
    };
    let (windows, holidays, workdays) = Default::default();
    AcdConfig {
        schedule: Schedule {
            time_zone: "UTC".into(),
            lines_otherwise: 1_000,
            windows,
            holidays,
            workdays,
        },
        queues: vec![queue, second, third],
        operators: (0..OPERATORS).map(operator).collect(),
        pause_reasons: vec!["lunch".into()],
        calls_max: 4_000,
        dialable: vec![true],
        forwards: vec!["sip:elsewhere@192.0.2.9".into()],
        transfer: None,
    }
}

#[test]
fn nothing_is_allocated_after_warm_up() {
    let acd = Acd::new(config()).expect("a good configuration");
    let now = Timestamp::from_secs(1_795_363_200);
    let (rung, talking) = (VecDeque::with_capacity(10_000), VecDeque::with_capacity(100));
    let mut house = House {
        acd,
        now,
        next_call: 0,
        outputs: Vec::with_capacity(10_000),
        rung,
        talking,
        outside: VecDeque::with_capacity(1_000),
        reached: 0,
    };
    for operator in (0..OPERATORS).map(OperatorId) {
        house.input(Input::PhoneRegistered { operator });
        house.input(Input::SignOn { operator });
        house.input(Input::Ready { operator });
    }
    (0..60_000).for_each(|n| house.cycle(n));
    let (before, first) = (ALLOCATIONS.get(), house.next_call);
    (60_000..120_000).for_each(|n| house.cycle(n));
    assert!(
        house.next_call - first == 120_000 && house.talking.len() == 8 && house.reached > 100,
        "the house is alive: {} reached",
        house.reached
    );
    assert_eq!(
        ALLOCATIONS.get() - before,
        0,
        "allocations in 60,000 cycles after warm-up"
    );
    let counted = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(1)));
    assert!(ALLOCATIONS.get() > counted, "the allocator counts");
}
