//! Waiting: what callers hear, and how every wait ends.

use crate::script::{check, check_with};
use acd::AnswerWhen;
use expect_test::expect;
use std::time::Duration;

#[test]
fn the_caller_is_answered_greeted_and_connected() {
    check_with(
        |config| config.queues[0].greeting = true,
        "0s A calls; 3s op1 on; 5s op1 rings; 8s op1 answers; 1m A hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears greeting; A has a line
            0m03s   op1 paused (not_ready)
            0m03s   op1 available; A -> op1 (age 3s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m08s   bridge A/1; A talks with op1
            1m00s   hang up A/1 (peer_gone); A ends (answered, waited 8s, talked 52s); op1 available
        "#]],
    );
}

#[test]
fn a_free_operator_is_rung_at_once_while_the_greeting_plays() {
    check_with(
        |config| config.queues[0].greeting = true,
        "0s op1 on; 10s A calls; 12s op1 answers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m10s   A has ticket 1; A answered; A hears greeting; A has a line; A -> op1 (age 0s, idle 10s, 1 waiting, 1 eligible); dial op1 for A/1
            0m12s   bridge A/1; A talks with op1
        "#]],
    );
}

#[test]
fn answered_with_the_line() {
    check_with(
        |config| {
            config.queues[0].answer = AnswerWhen::Admission;
            config.schedule.windows[0].lines = 1;
        },
        "0s A calls; B calls; 9s A hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A in early media; A hears hold_music; A has a line; A answered
            0m00s   B has ticket 2; B in early media; B hears hold_music
            0m09s   A ends (abandoned, waited 9s); B has a line; B answered
        "#]],
    );
}

#[test]
fn answered_with_the_operator() {
    check_with(
        |config| config.queues[0].answer = AnswerWhen::Operator,
        "0s A calls; 3s op1 on; 5s op1 answers; 9s op1 hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A in early media; A hears hold_music; A has a line
            0m03s   op1 paused (not_ready)
            0m03s   op1 available; A -> op1 (age 3s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m05s   A answered; bridge A/1; A talks with op1
            0m09s   hang up A/0 (peer_gone); A ends (answered, waited 5s, talked 4s); op1 available
        "#]],
    );
}

#[test]
fn positions_are_told_at_intervals_and_count_only_who_waits_before() {
    check_with(
        |config| {
            config.queues[0].announce_every = Duration::from_secs(30);
            config.schedule.windows[0].lines = 2;
        },
        "0s A..C call; 5s D calls; 40s B hangs up; 45s op1 on; 50s op1 answers; 1m10s A hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears hold_music
            0m05s   D has ticket 4; D answered; D hears hold_music
            0m30s   A hears position 1; B hears position 2; C hears position 3
            0m35s   D hears position 4
            0m40s   B ends (abandoned, waited 40s); C has a line
            0m45s   op1 paused (not_ready)
            0m45s   op1 available; A -> op1 (age 45s, idle 0s, 2 waiting, 1 eligible); dial op1 for A/1
            0m50s   bridge A/1; A talks with op1
            1m00s   C hears position 1
            1m05s   D hears position 2
            1m10s   hang up A/1 (peer_gone); A ends (answered, waited 50s, talked 20s); op1 available; D has a line; C -> op1 (age 70s, idle 0s, 2 waiting, 1 eligible); dial op1 for C/1
        "#]],
    );
}

#[test]
fn no_position_is_told_while_a_phone_rings() {
    check_with(
        |config| config.queues[0].announce_every = Duration::from_secs(30),
        "0s A calls; 25s op1 on; 45s wait; 1m35s wait",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m25s   op1 paused (not_ready)
            0m25s   op1 available; A -> op1 (age 25s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m45s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; A -> op1 (age 45s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
            1m05s   hang up A/2 (ring_timeout); A back from op1 (no_answer); op1 paused (no_answer)
            1m30s   A hears position 1
        "#]],
    );
}

#[test]
fn the_longest_wait_ends_with_a_last_word() {
    check_with(
        |config| config.queues[0].wait_max = Duration::from_secs(60),
        "0s A calls; 30s B calls; 1m4s A heard; 2m wait",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m30s   B has ticket 2; B answered; B hears hold_music; B has a line
            1m00s   A hears farewell (timed_out)
            1m04s   hang up A/0 (ended); A ends (timed_out, waited 60s)
            1m30s   B hears farewell (timed_out)
            2m00s   hang up B/0 (ended); B ends (timed_out, waited 60s)
        "#]],
    );
}

#[test]
fn a_caller_not_answered_yet_is_refused_after_the_last_word() {
    check_with(
        |config| {
            config.queues[0].wait_max = Duration::from_secs(60);
            config.queues[0].answer = AnswerWhen::Operator;
        },
        "0s A calls; 1m4s A heard",
        expect![[r#"
            0m00s   A has ticket 1; A in early media; A hears hold_music; A has a line
            1m00s   A hears farewell (timed_out)
            1m04s   A refused (timed_out, retry after 60s); A ends (timed_out, waited 60s)
        "#]],
    );
}

#[test]
fn hanging_up_on_the_last_word_changes_no_outcome() {
    check_with(
        |config| config.queues[0].wait_max = Duration::from_secs(60),
        "0s A calls; 1m2s A hangs up; 1m3s A heard",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            1m00s   A hears farewell (timed_out)
            1m02s   A ends (timed_out, waited 60s)
        "#]],
    );
}

#[test]
fn a_phone_that_rings_when_the_wait_is_over_rings_on() {
    check_with(
        |config| config.queues[0].wait_max = Duration::from_secs(60),
        "0s A calls; 50s op1 on; 1m5s op1 answers",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m50s   op1 paused (not_ready)
            0m50s   op1 available; A -> op1 (age 50s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            1m05s   bridge A/1; A talks with op1
        "#]],
    );
}

#[test]
fn a_call_that_comes_back_after_its_longest_wait_leaves() {
    check_with(
        |config| config.queues[0].wait_max = Duration::from_secs(60),
        "0s A calls; 50s op1 on; op2 on; 1m9s op2 pauses; 1m20s wait",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m50s   op1 paused (not_ready)
            0m50s   op1 available; A -> op1 (age 50s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m50s   op2 paused (not_ready)
            0m50s   op2 available
            1m09s   op2 paused (chosen:0)
            1m10s   hang up A/1 (ring_timeout); A back from op1 (no_answer); A hears farewell (timed_out); op1 available
        "#]],
    );
}

#[test]
fn one_more_than_fit_is_saturated() {
    check_with(
        |config| config.queues[0].waiting_max = 2,
        "0s A..C call; 3s C heard; 5s A hangs up; 6s D calls",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears farewell (saturated)
            0m03s   hang up C/0 (ended); C ends (saturated)
            0m05s   A ends (abandoned, waited 5s)
            0m06s   D has ticket 4; D answered; D hears hold_music; D has a line
        "#]],
    );
}

#[test]
fn without_room_to_wait_a_call_still_gets_a_free_operator() {
    check_with(
        |config| config.queues[0].waiting_max = 0,
        "0s op1 on; A calls; B calls",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   B has ticket 2; B answered; B hears farewell (saturated)
        "#]],
    );
}

#[test]
fn one_more_call_than_the_house_takes_is_refused() {
    check_with(
        |config| config.calls_max = 2,
        "0s A..C call",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C refused (saturated, retry after 60s); C ends (saturated)
        "#]],
    );
}

#[test]
fn an_unknown_queue_is_rejected() {
    check(
        "0s A calls queue 7",
        expect![[r#"
            0m00s   A refused (rejected)
        "#]],
    );
}

#[test]
fn who_withheld_the_number_waits_as_well() {
    check(
        "0s A calls as withheld; 1s op1 on; op1 answers",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m01s   op1 paused (not_ready)
            0m01s   op1 available; A -> op1 (age 1s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m01s   bridge A/1; A talks with op1
        "#]],
    );
}
