//! A database that is locked, damaged or full of what is over, and events that find no room.

use super::*;

#[tokio::test]
async fn what_found_no_room_is_filled_in_at_the_next_start() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning()[..1]);
    assert_eq!(
        desk.records.history(CallId(1)).await.map(drop),
        Ok(()),
        "the thread is at work"
    );
    // Each write waits for half a second now, and more comes meanwhile than finds room.
    let other = rusqlite::Connection::open(dir.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let flood: Vec<(u64, Event)> = (1_000..21_000)
        .map(|call| (50, arrived(call, "", at(50))))
        .collect();
    desk.tell(&flood);
    desk.tell(&morning()[1..]);
    other.execute_batch("ROLLBACK").unwrap();
    desk.records.stop().await;

    let desk = Desk::open(&dir);
    let filling = desk.records.filling();
    let from = tokio::task::spawn_blocking(move || filling.from().unwrap())
        .await
        .unwrap();
    // Whether the flood was too much depends on the machine; what it left out is known in any case.
    let there = contents(&dir).contains("call 2 13900000002 - abandoned");
    assert!(there || from.is_none_or(|from| from <= at(50)), "{from:?}");
    fill(desk.records.filling(), rows_of(&morning())).await;
    desk.records.stop().await;
    assert!(contents(&dir).contains("call 2 13900000002 - abandoned waited 20000"));
}

#[tokio::test]
async fn a_locked_database_delays_rows_and_refuses_forms() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning()[..3]);
    assert_eq!(desk.records.save(CallId(1), "anne", form("before")).await, Ok(()));
    let other = rusqlite::Connection::open(dir.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = desk.records.save(CallId(1), "anne", form("meanwhile")).await;
    assert_eq!(refused, Err(Refused::Unavailable));
    desk.tell(&morning()[3..]);
    assert_eq!(
        desk.records.save(CallId(1), "anne", form("meanwhile")).await,
        Err(Refused::Unavailable)
    );
    other.execute_batch("ROLLBACK").unwrap();
    while desk.records.save(CallId(1), "anne", form("after")).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    desk.records.stop().await;
    assert!(
        contents(&dir).contains("call 2 13900000002 - abandoned"),
        "what happened meanwhile is there"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_stops_nothing() {
    let dir = Dir::new();
    std::fs::create_dir_all(&dir.0).unwrap();
    std::fs::write(
        dir.file(),
        "this is a letter, and no database at all\n".repeat(100),
    )
    .unwrap();
    let desk = Desk::open(&dir);
    desk.tell(&morning());
    assert_eq!(
        desk.records.save(CallId(1), "anne", form("")).await,
        Err(Refused::Unavailable)
    );
    assert_eq!(desk.records.history(CallId(1)).await, Err(Refused::Unavailable));
    assert_eq!(
        desk.records.day().await.unwrap().minutes.len(),
        2,
        "the day is known all the same"
    );
}

#[tokio::test]
async fn records_go_when_their_time_is_over() {
    let dir = Dir::new();
    let desk = Desk::ready(&dir).await;
    desk.tell(&morning());
    assert_eq!(desk.records.save(CallId(1), "anne", form("a dog")).await, Ok(()));
    desk.records.stop().await;
    let mut store = Store::open(&dir.file(), 7).unwrap();
    assert_eq!(store.remove(at(60)).unwrap(), (2, false));
    assert_eq!(contents(&dir), "call 3 13900000002 - - waited - talked -\n");
    assert_eq!(store.forms(CallId(1)).unwrap().len(), 1, "saved at 100 s");
    store.remove(at(101)).unwrap();
    assert_eq!(
        (contents(&dir).as_str(), store.forms(CallId(1)).unwrap().len()),
        ("", 0)
    );
}
