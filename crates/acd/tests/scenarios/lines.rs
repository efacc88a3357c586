//! Lines: admission in order, and what the clock does to it.

use crate::script::{check, check_with};
use expect_test::expect;
use std::time::Duration;

#[test]
fn the_thirteenth_by_day_waits_for_a_line() {
    check(
        "0s A..M call; 30s C hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
            0m00s   D has ticket 4; D answered; D hears hold_music; D has a line
            0m00s   E has ticket 5; E answered; E hears hold_music; E has a line
            0m00s   F has ticket 6; F answered; F hears hold_music; F has a line
            0m00s   G has ticket 7; G answered; G hears hold_music; G has a line
            0m00s   H has ticket 8; H answered; H hears hold_music; H has a line
            0m00s   I has ticket 9; I answered; I hears hold_music; I has a line
            0m00s   J has ticket 10; J answered; J hears hold_music; J has a line
            0m00s   K has ticket 11; K answered; K hears hold_music; K has a line
            0m00s   L has ticket 12; L answered; L hears hold_music; L has a line
            0m00s   M has ticket 13; M answered; M hears hold_music
            0m30s   C ends (abandoned, waited 30s); M has a line
        "#]],
    );
}

#[test]
fn the_fifth_by_night_waits_for_a_line() {
    check(
        "start 20:00; 0s A..E call; 30s D hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
            0m00s   D has ticket 4; D answered; D hears hold_music; D has a line
            0m00s   E has ticket 5; E answered; E hears hold_music
            0m30s   D ends (abandoned, waited 30s); E has a line
        "#]],
    );
}

#[test]
fn at_six_nobody_is_cut_off_and_admissions_stop() {
    check(
        "start 17:59; 0s op1 on; A..F call; op1 answers; 1m10s G calls; 1m20s B hangs up; 1m30s C hangs up; 1m40s D hangs up; 1m50s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
            0m00s   D has ticket 4; D answered; D hears hold_music; D has a line
            0m00s   E has ticket 5; E answered; E hears hold_music; E has a line
            0m00s   F has ticket 6; F answered; F hears hold_music; F has a line
            0m00s   bridge A/1; A talks with op1
            1m00s   4 lines instead of 12
            1m10s   G has ticket 7; G answered; G hears hold_music
            1m20s   B ends (abandoned, waited 80s)
            1m30s   C ends (abandoned, waited 90s)
            1m40s   D ends (abandoned, waited 100s); G has a line
            1m50s   hang up A/1 (peer_gone); A ends (answered, talked 110s); op1 available; E -> op1 (age 110s, idle 0s, 3 waiting, 1 eligible); dial op1 for E/1
        "#]],
    );
}

#[test]
fn in_the_morning_the_lines_rise_and_the_oldest_get_them() {
    check(
        "start 07:59; 0s A..G call; 2m wait",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
            0m00s   D has ticket 4; D answered; D hears hold_music; D has a line
            0m00s   E has ticket 5; E answered; E hears hold_music
            0m00s   F has ticket 6; F answered; F hears hold_music
            0m00s   G has ticket 7; G answered; G hears hold_music
            1m00s   12 lines instead of 4; E has a line; F has a line; G has a line
        "#]],
    );
}

#[test]
fn a_line_is_held_through_the_conversation_and_not_through_the_wrap_up() {
    check_with(
        |config| {
            config.schedule.windows[0].lines = 1;
            config.queues[0].wrap_up = Duration::from_secs(60);
        },
        "0s op1 on; A calls; B calls; 2s op1 answers; 10s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m02s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, waited 2s, talked 8s); op1 wraps up for 60s; B has a line
        "#]],
    );
}

#[test]
fn order_holds_across_queues_that_share_the_lines() {
    check_with(
        |config| {
            config.schedule.windows[0].lines = 1;
            config.queues.push(config.queues[0].clone());
        },
        "0s A calls; B calls queue 1; C calls; 5s A hangs up; 6s B hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m00s   C has ticket 3; C answered; C hears hold_music
            0m05s   A ends (abandoned, waited 5s); B has a line
            0m06s   B ends (abandoned, waited 6s); C has a line
        "#]],
    );
}

#[test]
fn without_lines_until_after_the_longest_wait_it_is_closed() {
    check_with(
        |config| config.schedule.lines_otherwise = 0,
        "start 07:00; 0s A calls; 2s A heard; 35m B calls; 1h wait",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears farewell (closed)
            0m02s   hang up A/0 (ended); A ends (closed)
            35m00s  B has ticket 2; B answered; B hears hold_music
            60m00s  12 lines instead of 0; B has a line
        "#]],
    );
}

#[test]
fn at_closing_time_those_without_a_line_are_told_and_those_with_one_are_served() {
    check_with(
        |config| {
            config.schedule.lines_otherwise = 0;
            config.schedule.windows[0].lines = 1;
        },
        "start 17:59; 0s A calls; B calls; 1m5s B heard; 1m10s op1 on; op1 answers; 2m op1 hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            1m00s   0 lines instead of 1; B hears farewell (closed)
            1m05s   hang up B/0 (ended); B ends (closed, waited 60s)
            1m10s   op1 paused (not_ready)
            1m10s   op1 available; A -> op1 (age 70s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            1m10s   bridge A/1; A talks with op1
            2m00s   hang up A/0 (peer_gone); A ends (answered, waited 70s, talked 50s); op1 available
        "#]],
    );
}

#[test]
fn a_supervisor_opens_lines_until_a_time() {
    check_with(
        |config| config.queues[0].wait_max = Duration::from_secs(4 * 3600),
        "start 19:00; 0s A..G call; 10s lines 6 until 22:00; 20s A hangs up; 22:00 B hangs up; 22:00:01 C hangs up; D hangs up; E hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
            0m00s   D has ticket 4; D answered; D hears hold_music; D has a line
            0m00s   E has ticket 5; E answered; E hears hold_music
            0m00s   F has ticket 6; F answered; F hears hold_music
            0m00s   G has ticket 7; G answered; G hears hold_music
            0m10s   6 lines instead of 4; E has a line; F has a line
            0m20s   A ends (abandoned, waited 20s); G has a line
            180m00s 4 lines instead of 6
            180m00s B ends (abandoned, waited 10800s)
            180m01s C ends (abandoned, waited 10801s)
            180m01s D ends (abandoned, waited 10801s)
            180m01s E ends (abandoned, waited 10801s)
        "#]],
    );
}

#[test]
fn a_supervisor_takes_it_back() {
    check(
        "0s lines 1 until 20:00; A calls; B calls; 30s follow schedule",
        expect![[r#"
        0m00s   1 lines instead of 12
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music
        0m30s   12 lines instead of 1; B has a line
    "#]],
    );
}

#[test]
fn lines_by_hand_past_a_change_of_the_schedule() {
    check_with(
        |config| config.queues[0].wait_max = Duration::from_secs(4 * 3600),
        "start 17:30; 0s lines 3 until 18:30; A..F call; 18:00 wait; 18:30 wait",
        expect![[r#"
            0m00s   3 lines instead of 12
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
            0m00s   D has ticket 4; D answered; D hears hold_music
            0m00s   E has ticket 5; E answered; E hears hold_music
            0m00s   F has ticket 6; F answered; F hears hold_music
            60m00s  4 lines instead of 3; D has a line
        "#]],
    );
}

#[test]
fn guaranteed_lines_are_kept_for_their_queue() {
    check_with(
        |config| {
            config.schedule.windows[0].lines = 3;
            config.queues.push(config.queues[0].clone());
            config.queues[1].lines_min = 1;
        },
        "0s A..C call; 5s D calls queue 1; 6s E calls queue 1; 10s A hangs up; 20s D hangs up; 30s B hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears hold_music
            0m05s   D has ticket 4; D answered; D hears hold_music; D has a line
            0m06s   E has ticket 5; E answered; E hears hold_music
            0m10s   A ends (abandoned, waited 10s); C has a line
            0m20s   D ends (abandoned, waited 15s); E has a line
            0m30s   B ends (abandoned, waited 30s)
        "#]],
    );
}

#[test]
fn a_queue_has_windows_of_its_own() {
    check_with(
        |config| {
            let mut office = config.schedule.clone();
            office.windows[0].to_minute = 17 * 60;
            office.windows[0].lines = 1;
            office.lines_otherwise = 0;
            config.queues.push(config.queues[0].clone());
            config.queues[1].schedule = Some(office);
        },
        "start 16:50; 0s A calls queue 1; B calls queue 1; C calls; 5m D calls queue 1; 12m E calls queue 1; F calls",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
            5m00s   D has ticket 4; D answered; D hears hold_music
            10m00s  B hears farewell (closed); D hears farewell (closed)
            10m30s  hang up B/0 (ended); B ends (closed, waited 600s); hang up D/0 (ended); D ends (closed, waited 300s)
            12m00s  E has ticket 5; E answered; E hears farewell (closed)
            12m00s  F has ticket 6; F answered; F hears hold_music; F has a line
        "#]],
    );
}
