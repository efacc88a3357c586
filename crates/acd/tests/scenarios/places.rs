//! Places kept for callers who were dropped.

use crate::script::check_with;
use acd::AcdConfig;
use expect_test::expect;
use std::time::Duration;

/// One line, places kept for two minutes.
fn grace(config: &mut AcdConfig) {
    config.schedule.windows[0].lines = 1;
    config.queues[0].place_grace = Duration::from_secs(120);
}

#[test]
fn a_redial_takes_the_place_up_again() {
    check_with(
        grace,
        "0s A..D call; 10s C hangs up; 40s C2 calls as C; 50s A hangs up; 51s B hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m00s   C has ticket 3; C answered; C hears hold_music
            0m00s   D has ticket 4; D answered; D hears hold_music
            0m10s   C ends (abandoned, waited 10s, place kept)
            0m40s   C2 takes up ticket 3; C2 answered; C2 hears resumed
            0m50s   A ends (abandoned, waited 50s, place kept); B has a line
            0m51s   B ends (abandoned, waited 51s, place kept); C2 has a line
        "#]],
    );
}

#[test]
fn after_the_grace_it_is_gone() {
    check_with(
        grace,
        "0s A..C call; 10s B hangs up; 130s B2 calls as B; 140s A hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m00s   C has ticket 3; C answered; C hears hold_music
            0m10s   B ends (abandoned, waited 10s, place kept)
            2m10s   B2 has ticket 4; B2 answered; B2 hears hold_music
            2m20s   A ends (abandoned, waited 140s, place kept); C has a line
        "#]],
    );
}

#[test]
fn a_place_is_taken_up_once() {
    check_with(
        grace,
        "0s A..B call; 10s B hangs up; 20s B2 calls as B; 21s B3 calls as B",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m10s   B ends (abandoned, waited 10s, place kept)
            0m20s   B2 takes up ticket 2; B2 answered; B2 hears resumed
            0m21s   B3 has ticket 3; B3 answered; B3 hears hold_music
        "#]],
    );
}

#[test]
fn another_trunk_or_queue_or_number_has_no_claim() {
    check_with(
        |config| {
            grace(config);
            config.queues.push(config.queues[0].clone());
        },
        "0s A..B call; 10s B hangs up; 20s C calls as B trunk 1; D calls as B queue 1; E calls",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m10s   B ends (abandoned, waited 10s, place kept)
            0m20s   C has ticket 3; C answered; C hears hold_music
            0m20s   D has ticket 4; D answered; D hears hold_music
            0m20s   E has ticket 5; E answered; E hears hold_music
        "#]],
    );
}

#[test]
fn withheld_numbers_are_never_taken_for_one_another() {
    check_with(
        grace,
        "0s A calls; B calls as withheld; 10s B hangs up; 20s C calls as withheld",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m10s   B ends (abandoned, waited 10s)
            0m20s   C has ticket 3; C answered; C hears hold_music
        "#]],
    );
}

#[test]
fn two_dropped_calls_of_one_number_keep_two_places() {
    check_with(
        grace,
        "0s A calls; B calls as X; C calls as X; 10s C hangs up; 11s B hangs up; 20s D calls as X; E calls as X; F calls as X",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m00s   C has ticket 3; C answered; C hears hold_music
            0m10s   C ends (abandoned, waited 10s, place kept)
            0m11s   B ends (abandoned, waited 11s, place kept)
            0m20s   D takes up ticket 2; D answered; D hears resumed
            0m20s   E takes up ticket 3; E answered; E hears resumed
            0m20s   F has ticket 4; F answered; F hears hold_music
        "#]],
    );
}

#[test]
fn a_place_is_kept_from_line_and_phone_too() {
    check_with(
        grace,
        "0s A calls; B calls; 5s op1 on; 9s A hangs up; 10s op1 pauses; 11s A2 calls as A; 20s B hangs up; 30s op1 ready",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m05s   op1 paused (not_ready)
            0m05s   op1 available; A -> op1 (age 5s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m09s   hang up A/1 (peer_gone); A ends (abandoned, waited 9s, place kept); op1 available; B has a line; B -> op1 (age 9s, idle 4s, 1 waiting, 1 eligible); dial op1 for B/1
            0m10s   hang up B/1 (elsewhere); B back from op1 (operator_left); op1 paused (chosen:0)
            0m11s   A2 takes up ticket 1; A2 answered; A2 hears resumed
            0m20s   B ends (abandoned, waited 20s, place kept); A2 has a line
            0m30s   op1 available; A2 -> op1 (age 30s, idle 0s, 1 waiting, 1 eligible); dial op1 for A2/1
        "#]],
    );
}

#[test]
fn no_place_is_kept_after_the_conversation() {
    check_with(
        grace,
        "0s op1 on; A calls; op1 answers; 9s A hangs up; 12s A2 calls as A",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m09s   hang up A/1 (peer_gone); A ends (answered, talked 9s); op1 available
            0m12s   A2 has ticket 2; A2 answered; A2 hears hold_music; A2 has a line; A2 -> op1 (age 0s, idle 3s, 1 waiting, 1 eligible); dial op1 for A2/1
        "#]],
    );
}

#[test]
fn who_comes_back_finds_room_in_a_full_queue() {
    check_with(
        |config| {
            grace(config);
            config.queues[0].waiting_max = 2;
        },
        "0s A..B call; 10s B hangs up; 11s C calls; 12s B2 calls as B; 13s D calls",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m10s   B ends (abandoned, waited 10s, place kept)
            0m11s   C has ticket 3; C answered; C hears hold_music
            0m12s   B2 takes up ticket 2; B2 answered; B2 hears resumed
            0m13s   D has ticket 4; D answered; D hears farewell (saturated)
        "#]],
    );
}
