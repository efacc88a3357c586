//! How a call's legs sounded, and a database of before that was kept.

use super::*;
use crate::{EarlierLeg, Path, Quality};

/// Ten seconds, a hundredth of them lost.
fn quality(mos: f64) -> Quality {
    Quality {
        codec: Some("PCMA".into()),
        round_trip: Some(Duration::from_micros(31_250)),
        received: Some(Path {
            packets: 500,
            lost: 5,
            jitter: Duration::from_micros(2_125),
            mos,
        }),
        sent: None,
    }
}

fn leg(call: u64, leg: u32) -> LegId {
    LegId {
        call: CallId(call),
        leg,
    }
}

/// What is told of the legs of the one earlier call of call 4's caller.
async fn legs_before(desk: &Desk) -> Vec<EarlierLeg> {
    let history = desk.records.history(CallId(4)).await.unwrap();
    let [earlier] = <[_; 1]>::try_from(history.earlier).unwrap();
    earlier.legs
}

/// The leg of an operator, or of the caller.
fn of(number: u32, operator: Option<&str>, quality: Option<Quality>) -> EarlierLeg {
    EarlierLeg {
        leg: number,
        operator: operator.map(str::to_owned),
        quality,
    }
}

#[tokio::test]
async fn each_leg_is_told_of_with_who_had_it() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning());
    // Told when the media has ended, in whatever order.
    desk.records.heard(leg(1, 1), quality(4.25));
    desk.records.heard(leg(1, 0), quality(3.5));
    desk.tell(&[(90, arrived(4, "13800000001", at(90)))]);
    let both = [
        of(0, None, Some(quality(3.5))),
        of(1, Some("anne"), Some(quality(4.25))),
    ];
    assert_eq!(legs_before(&desk).await, both);
    desk.records.stop().await;

    let desk = Desk::open(&dir);
    fill(desk.records.filling(), rows_of(&morning())).await;
    assert_eq!(
        legs_before(&desk).await,
        both,
        "the journal knows less, and takes nothing away"
    );
}

#[tokio::test]
async fn after_a_crash_it_is_known_who_had_a_leg_but_not_how_it_sounded() {
    let dir = Dir::new();
    let desk = Desk::open(&dir);
    fill(desk.records.filling(), rows_of(&morning())).await;
    desk.tell(&[(90, arrived(4, "13800000001", at(90)))]);
    assert_eq!(legs_before(&desk).await, [of(1, Some("anne"), None)]);
}

#[tokio::test]
async fn legs_go_when_the_time_of_their_calls_is_over() {
    let dir = Dir::new();
    let hour = Duration::from_secs(3_600);
    let desk = Desk::of_journal(&dir, 7, hour);
    fill(desk.records.filling(), Vec::new()).await;
    desk.tell(&morning());
    desk.records.heard(leg(1, 0), quality(4.0));
    desk.records.stop().await;
    assert!(contents(&dir).contains("leg 1 0 - PCMA"), "{}", contents(&dir));

    let mut store = Store::open(&dir.file(), 7).unwrap();
    assert_eq!(store.remove(at(0) + 2 * hour).unwrap(), (3, false));
    assert_eq!(contents(&dir), "");
}

#[tokio::test]
async fn a_database_of_before_is_kept_and_brought_up_to_date() {
    let dir = Dir::new();
    std::fs::create_dir_all(&dir.0).unwrap();
    let before = rusqlite::Connection::open(dir.file()).unwrap();
    before.execute_batch(include_str!("version-1.sql")).unwrap();
    drop(before);

    let desk = Desk::ready(&dir).await;
    desk.tell(&[(300, arrived(4, "13800000001", at(300)))]);
    let history = desk.records.history(CallId(4)).await.unwrap();
    let [earlier] = history.earlier.as_slice() else {
        panic!("{history:?}");
    };
    assert_eq!(
        (
            earlier.outcome.as_deref(),
            earlier.talked,
            earlier.legs.as_slice()
        ),
        (Some("answered"), Some(Duration::from_secs(60)), [].as_slice()),
        "how it sounded was not kept then"
    );
    assert_eq!(earlier.forms[0].form.text, "a dog");
    desk.records.heard(leg(1, 1), quality(4.25));
    assert_eq!(legs_before(&desk).await, [of(1, None, Some(quality(4.25)))]);
    desk.records.stop().await;
    // Opened again there is nothing left to do.
    Store::open(&dir.file(), 7).unwrap();
}

#[test]
fn a_database_of_a_later_version_is_left_alone() {
    let dir = Dir::new();
    drop(Store::open(&dir.file(), 7).unwrap());
    let later = rusqlite::Connection::open(dir.file()).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    let refused = Store::open(&dir.file(), 7).map(drop).unwrap_err();
    assert!(refused.to_string().contains("of version 99"), "{refused}");
}
