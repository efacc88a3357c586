//! What operators do with a call: hang up, hold, ask another, give it away.

use crate::script::{check, check_with};
use acd::{AcdConfig, CallBack};
use expect_test::expect;
use std::time::Duration;

fn with_wrap_up(config: &mut AcdConfig) {
    config.queues[0].wrap_up = Duration::from_secs(30);
}

#[test]
fn hanging_up_from_the_console_is_hanging_up() {
    check_with(
        with_wrap_up,
        "op1 on; A calls; 2s op1 answers; 20s op1 presses hang up; op1 presses hang up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m02s   bridge A/1; A talks with op1
            0m20s   hang up A/1 (ended); hang up A/0 (peer_gone); A ends (answered, waited 2s, talked 18s); op1 wraps up for 30s
            0m20s   op1 refused (not_talking)
        "#]],
    );
}

#[test]
fn hanging_up_a_phone_that_rings_declines() {
    check(
        "op1 on; A calls; 2s op1 presses hang up; op2 on",
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
        0m02s   hang up A/1 (ended); A back from op1 (failed:declined); op1 paused (declined)
        0m02s   op2 paused (not_ready)
        0m02s   op2 available; A -> op2 (age 2s, idle 0s, 1 waiting, 1 eligible); dial op2 for A/2
    "#]],
    );
}

#[test]
fn hold_from_the_console_is_that_of_the_phone() {
    check(
        "op1 on; A calls; op1 answers; 10s op1 presses hold; op1 holds; 15s op1 presses resume; op1 resumes
         20s A hangs up; op1 presses hold",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A on hold
            0m15s   bridge A/1; A off hold
            0m20s   hang up A/1 (peer_gone); A ends (answered, talked 20s, held 5s); op1 available
            0m20s   op1 refused (not_talking)
        "#]],
    );
}

#[test]
fn the_phone_does_not_take_back_what_the_console_holds() {
    check(
        "op1 on; A calls; op1 answers; op1 presses hold; op1 resumes; A holds; 5s op1 presses resume; 7s A resumes; 9s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   A hears hold_music; A on hold
            0m05s   bridge A/1
            0m07s   A off hold
            0m09s   hang up A/1 (peer_gone); A ends (answered, talked 9s, held 7s); op1 available
        "#]],
    );
}

#[test]
fn a_transferred_call_rings_at_the_other() {
    check_with(
        with_wrap_up,
        "op1 on; op2 on; A calls; 5s op1 answers; 65s op1 transfers to op2; 70s op2 answers; 100s op2 hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m05s   bridge A/1; A talks with op1
            1m05s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2; hang up A/1 (ended); A from op1 to op2; op1 wraps up for 30s
            1m10s   bridge A/2; A talks with op2
            1m35s   op1 available
            1m40s   hang up A/0 (peer_gone); A ends (answered, waited 5s, talked 90s); op2 wraps up for 30s
        "#]],
    );
}

#[test]
fn a_transferred_call_that_is_not_answered_stands_where_it_stood() {
    check_with(
        |config| {
            with_wrap_up(config);
            config.queues[0].place_grace = Duration::from_secs(60);
        },
        "op1 on; op2 on; A calls; op1 answers; 10s op1 transfers to op2; B calls
         30s wait; 40s op1 ready; op1 answers; 45s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2; hang up A/1 (ended); A from op1 to op2; op1 wraps up for 30s
            0m10s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m30s   hang up A/2 (ring_timeout); A back from op2 (no_answer); op2 available; A -> op2 (age 30s, idle 0s, 2 waiting, 1 eligible); dial op2 for A/3
            0m40s   op1 available; B -> op1 (age 30s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            0m40s   bridge B/1; B talks with op1
            0m45s   hang up A/3 (peer_gone); A ends (answered, talked 10s, place kept); op2 available
        "#]],
    );
}

#[test]
fn a_call_is_transferred_to_those_only_who_could_take_it() {
    check(
        "op1 on; op2 on; A calls; B calls; op1 answers; op2 answers
         op1 transfers to op2; op1 transfers to op1; op1 transfers to op3; op3 transfers to op1; op1 completes; op1 cancels; op1 confers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op2 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op2 for B/1
            0m00s   bridge A/1; A talks with op1
            0m00s   bridge B/1; B talks with op2
            0m00s   op1 refused (not_available)
            0m00s   op1 refused (not_available)
            0m00s   op1 refused (not_available)
            0m00s   op3 refused (not_talking)
            0m00s   op1 refused (nobody_asked)
            0m00s   op1 refused (nobody_asked)
            0m00s   op1 refused (nobody_asked)
        "#]],
    );
}

#[test]
fn the_longest_wait_begins_anew_with_a_transfer() {
    check_with(
        |config| config.queues[0].wait_max = Duration::from_secs(60),
        "op1 on; op2 on; A calls; op1 answers; 10m op1 transfers to op2; op2 declines; op1 pauses; 11m wait; A heard",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            10m00s  A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2; hang up A/1 (ended); A from op1 to op2; op1 available
            10m00s  A back from op2 (failed:declined); op2 paused (declined); A -> op1 (age 600s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/3
            10m00s  hang up A/3 (elsewhere); A back from op1 (operator_left); op1 paused (chosen:0)
            11m00s  A hears farewell (timed_out)
            11m00s  hang up A/0 (ended); A ends (answered, talked 600s)
        "#]],
    );
}

#[test]
fn a_caller_who_gives_up_after_a_transfer_was_answered_and_keeps_the_place() {
    check_with(
        |config| config.queues[0].place_grace = Duration::from_secs(60),
        "op1 on; op2 on; A calls; 3s op1 answers; 10s op1 transfers to op2; 12s A hangs up; 14s B calls as A",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m03s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2; hang up A/1 (ended); A from op1 to op2; op1 available
            0m12s   hang up A/2 (peer_gone); A ends (answered, waited 3s, talked 7s, place kept); op2 available
            0m14s   B takes up ticket 1; B answered; B hears resumed; B has a line; B -> op2 (age 14s, idle 14s, 1 waiting, 2 eligible); dial op2 for B/1
        "#]],
    );
}

#[test]
fn who_is_asked_takes_the_call_over() {
    check_with(
        with_wrap_up,
        "op1 on; op2 on; A calls; op1 answers; 10s op1 consults op2; op1 confers; 13s op2 answers; 20s op1 completes; 50s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m10s   op1 refused (not_answered)
            0m13s   A hears hold_music; confer A/1 A/2; A with op2 (consulted)
            0m20s   hang up A/1 (ended); A from op1 to op2; bridge A/2; A talks with op2; op1 wraps up for 30s
            0m50s   op1 available
            0m50s   hang up A/2 (peer_gone); A ends (answered, talked 50s, held 10s); op2 wraps up for 30s
        "#]],
    );
}

#[test]
fn who_is_asked_is_let_go() {
    check_with(
        with_wrap_up,
        "op1 on; op2 on; A calls; op1 answers; 10s op1 consults op2; 12s op1 cancels
         20s op1 consults op2; 22s op2 answers; 30s op1 cancels; 40s op1 presses hang up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m12s   bridge A/1; A alone; A off hold; hang up A/2 (elsewhere); op2 available
            0m20s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/3
            0m22s   A hears hold_music; confer A/1 A/3; A with op2 (consulted)
            0m30s   bridge A/1; A alone; A off hold; hang up A/3 (elsewhere); op2 available
            0m40s   hang up A/1 (ended); hang up A/0 (peer_gone); A ends (answered, talked 40s, held 12s); op1 wraps up for 30s
        "#]],
    );
}

#[test]
fn three_talk_until_one_leaves() {
    check_with(
        with_wrap_up,
        "op1 on; op2 on; A calls; op1 answers; 10s op1 consults op2; 12s op2 answers; 20s op1 confers; op1 confers; 30s op2 hangs up
         40s op1 consults op2; op2 answers; op1 confers; 50s op1 presses hang up; 60s op2 hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m12s   A hears hold_music; confer A/1 A/2; A with op2 (consulted)
            0m20s   confer A/1 A/2 with the caller; A with op2 (joined); A off hold
            0m30s   bridge A/1; A alone; op2 available
            0m40s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/3
            0m40s   A hears hold_music; confer A/1 A/3; A with op2 (consulted)
            0m40s   confer A/1 A/3 with the caller; A with op2 (joined); A off hold
            0m50s   hang up A/1 (ended); A from op1 to op2; bridge A/3; A talks with op2; op1 wraps up for 30s
            1m00s   hang up A/0 (peer_gone); A ends (answered, talked 60s, held 10s); op2 wraps up for 30s
        "#]],
    );
}

#[test]
fn who_does_not_answer_when_asked_missed_a_call() {
    check(
        "op1 on; op2 on; op3 on; op4 on; A calls; op1 answers; op1 consults op2; 20s wait; op1 consults op3; op3 declines
         op1 consults op4; op4 unregisters; op4 answers; op2 pauses; op1 consults op2",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   op3 paused (not_ready)
            0m00s   op3 available
            0m00s   op4 paused (not_ready)
            0m00s   op4 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 4 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m20s   hang up A/2 (ring_timeout); bridge A/1; A alone; A off hold; op2 available
            0m20s   A hears hold_music; A/1 hears it ring; A with op3 (ringing); A on hold; dial op3 for A/3
            0m20s   bridge A/1; A alone; A off hold; op3 paused (declined)
            0m20s   A hears hold_music; A/1 hears it ring; A with op4 (ringing); A on hold; dial op4 for A/4
            0m20s   hang up A/4 (elsewhere); bridge A/1; A alone; A off hold; op4 paused (phone_gone)
            0m20s   hang up A/4 (elsewhere)
            0m20s   op2 paused (chosen:0)
            0m20s   op1 refused (not_available)
        "#]],
    );
}

#[test]
fn a_caller_who_hangs_up_ends_it_for_all() {
    check_with(
        with_wrap_up,
        "op1 on; op2 on; A calls; op1 answers; op1 consults op2; 5s A hangs up; op1 ready; B calls; op1 answers
         op1 consults op2; op2 answers; op2 pauses; 10s B hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m05s   hang up A/1 (peer_gone); A ends (answered, talked 5s, held 5s); op1 wraps up for 30s; hang up A/2 (elsewhere); op2 available
            0m05s   op1 available
            0m05s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op2 (age 0s, idle 5s, 1 waiting, 2 eligible); dial op2 for B/1
            0m05s   hang up A/1 (elsewhere)
            0m05s   op1 refused (not_talking)
            0m05s   bridge B/1; B talks with op2
            0m10s   hang up B/1 (peer_gone); B ends (answered, talked 5s); op2 wraps up for 30s
        "#]],
    );
}

#[test]
fn the_call_is_left_to_whom_was_asked_when_the_first_phone_is_gone() {
    check_with(
        with_wrap_up,
        "op1 on; op2 on; A calls; op1 answers; 5s op1 consults op2; 7s op1 hangs up; 9s op2 answers; 20s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m05s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m07s   A from op1 to op2; op1 wraps up for 30s
            0m09s   bridge A/2; A talks with op2
            0m20s   hang up A/2 (peer_gone); A ends (answered, talked 18s, held 2s); op2 wraps up for 30s
        "#]],
    );
}

#[test]
fn who_was_asked_does_not_lead() {
    check(
        "op1 on; op2 on; op3 on; A calls; op1 answers; op1 consults op2; op2 answers
         op2 transfers to op3; op2 presses hold; op2 completes; op2 presses hang up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   op3 paused (not_ready)
            0m00s   op3 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 3 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m00s   A hears hold_music; confer A/1 A/2; A with op2 (consulted)
            0m00s   op2 refused (not_talking)
            0m00s   op2 refused (not_talking)
            0m00s   op2 refused (not_talking)
            0m00s   hang up A/2 (ended); bridge A/1; A alone; A off hold; op2 available
        "#]],
    );
}

#[test]
fn the_phone_s_hold_waits_for_the_consultation_s_end() {
    check(
        "op1 on; op2 on; A calls; op1 answers; op1 holds; 5s op1 consults op2; op2 answers; 8s op1 confers; 10s op1 cancels; 12s op1 resumes; 15s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   A hears hold_music; A on hold
            0m05s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); dial op2 for A/2
            0m05s   A hears hold_music; confer A/1 A/2; A with op2 (consulted)
            0m08s   confer A/1 A/2 with the caller; A with op2 (joined); A off hold
            0m10s   A hears hold_music; A alone; A on hold; hang up A/2 (elsewhere); op2 available
            0m12s   bridge A/1; A off hold
            0m15s   hang up A/1 (peer_gone); A ends (answered, talked 15s, held 10s); op1 available
        "#]],
    );
}

#[test]
fn the_caller_of_a_call_back_waits_on_the_line_after_a_transfer() {
    check_with(
        |config| {
            config.queues[0].place_grace = Duration::from_secs(60);
            config.queues[0].call_back = Some(CallBack {
                key: '1',
                offer_after: Duration::from_secs(60),
                promises_max: 5,
                within: Duration::from_secs(3600),
                ring_timeout: Duration::from_secs(20),
            });
        },
        "A calls; A presses 1; A heard; op1 on; op2 on; op1 answers; A* answers; 30s op1 transfers to op2
         op2 declines; 40s op1 answers; op1 pauses; 50s op1 consults op2; op2 ready; op1 consults op2; op1 completes
         op2 declines; drain; 60s hang up all",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
            0m00s   hang up A/0 (ended); A ends (callback)
            0m00s   op1 paused (not_ready)
            0m00s   op1 available; A* -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A*/1
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   dial A for A*/0; A*/1 hears it ring
            0m00s   bridge A*/1; A* talks with op1
            0m30s   A* hears hold_music; A*/1 hears it ring; A* with op2 (ringing); A* on hold; dial op2 for A*/2; hang up A*/1 (ended); A* from op1 to op2; op1 available
            0m30s   A* back from op2 (failed:declined); op2 paused (declined); A* -> op1 (age 30s, idle 0s, 1 waiting, 1 eligible); dial op1 for A*/3
            0m40s   bridge A*/3; A* talks with op1
            0m50s   op1 refused (not_available)
            0m50s   op2 available
            0m50s   A* hears hold_music; A*/3 hears it ring; A* with op2 (ringing); A* on hold; dial op2 for A*/4
            0m50s   hang up A*/3 (ended); A* from op1 to op2; op1 paused (chosen:0)
            0m50s   A* back from op2 (failed:declined); op2 paused (declined)
            0m50s   draining
            1m00s   hang up A*/0 (shutdown); A* ends (answered, talked 40s, place kept)
        "#]],
    );
}

#[test]
fn all_hear_that_the_engine_stops() {
    check_with(
        with_wrap_up,
        "op1 on; op2 on; A calls; op1 answers; op1 consults op2; op2 answers; hang up all",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m00s   A hears hold_music; confer A/1 A/2; A with op2 (consulted)
            0m00s   draining; hang up A/1 (shutdown); hang up A/0 (shutdown); A ends (answered); op1 wraps up for 30s; hang up A/2 (elsewhere); op2 available
        "#]],
    );
}
