//! Operators: who takes the call, and what they may ask for.

use crate::script::{check, check_with};
use acd::Strategy;
use expect_test::expect;
use std::time::Duration;

#[test]
fn the_longest_idle_is_chosen() {
    check(
        "0s op2 on; 1s op1 on; 2s op3 on; 5s A calls; B calls; C calls",
        expect![[r#"
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m01s   op1 paused (not_ready)
            0m01s   op1 available
            0m02s   op3 paused (not_ready)
            0m02s   op3 available
            0m05s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op2 (age 0s, idle 5s, 1 waiting, 3 eligible); dial op2 for A/1
            0m05s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 4s, 1 waiting, 2 eligible); dial op1 for B/1
            0m05s   C has ticket 3; C answered; C hears hold_music; C has a line; C -> op3 (age 0s, idle 3s, 1 waiting, 1 eligible); dial op3 for C/1
        "#]],
    );
}

#[test]
fn idle_counts_since_the_last_work() {
    check(
        "0s op1 on; 1s op2 on; 5s A calls; 6s op1 answers; 7s A hangs up; 8s B calls; 9s C calls",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m01s   op2 paused (not_ready)
            0m01s   op2 available
            0m05s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 5s, 1 waiting, 2 eligible); dial op1 for A/1
            0m06s   bridge A/1; A talks with op1
            0m07s   hang up A/1 (peer_gone); A ends (answered, waited 1s, talked 1s); op1 available
            0m08s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op2 (age 0s, idle 7s, 1 waiting, 2 eligible); dial op2 for B/1
            0m09s   C has ticket 3; C answered; C hears hold_music; C has a line; C -> op1 (age 0s, idle 2s, 1 waiting, 1 eligible); dial op1 for C/1
        "#]],
    );
}

#[test]
fn round_robin_goes_on_after_the_last() {
    check_with(
        |config| config.queues[0].strategy = Strategy::RoundRobin,
        "0s op3 on; op1 on; op2 on; A calls; op1 answers; 5s A hangs up; B calls; C calls; D calls",
        expect![[r#"
            0m00s   op3 paused (not_ready)
            0m00s   op3 available
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 3 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m05s   hang up A/1 (peer_gone); A ends (answered, talked 5s); op1 available
            0m05s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op2 (age 0s, idle 5s, 1 waiting, 3 eligible); dial op2 for B/1
            0m05s   C has ticket 3; C answered; C hears hold_music; C has a line; C -> op3 (age 0s, idle 5s, 1 waiting, 2 eligible); dial op3 for C/1
            0m05s   D has ticket 4; D answered; D hears hold_music; D has a line; D -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for D/1
        "#]],
    );
}

#[test]
fn the_first_in_order_is_chosen() {
    check_with(
        |config| config.queues[0].strategy = Strategy::Linear,
        "0s op2 on; 1s op1 on; 5s A calls; 6s op1 answers; 7s A hangs up; 8s B calls",
        expect![[r#"
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m01s   op1 paused (not_ready)
            0m01s   op1 available
            0m05s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 4s, 1 waiting, 2 eligible); dial op1 for A/1
            0m06s   bridge A/1; A talks with op1
            0m07s   hang up A/1 (peer_gone); A ends (answered, waited 1s, talked 1s); op1 available
            0m08s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 1s, 1 waiting, 2 eligible); dial op1 for B/1
        "#]],
    );
}

#[test]
fn the_fewest_calls_are_chosen() {
    check_with(
        |config| config.queues[0].strategy = Strategy::FewestCalls,
        "0s op1 on; A calls; op1 answers; 5s A hangs up; 6s op2 on; 9s B calls; op2 answers; 10s B hangs up; 11s C calls",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m05s   hang up A/1 (peer_gone); A ends (answered, talked 5s); op1 available
            0m06s   op2 paused (not_ready)
            0m06s   op2 available
            0m09s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op2 (age 0s, idle 3s, 1 waiting, 2 eligible); dial op2 for B/1
            0m09s   bridge B/1; B talks with op2
            0m10s   hang up B/1 (peer_gone); B ends (answered, talked 1s); op2 available
            0m11s   C has ticket 3; C answered; C hears hold_music; C has a line; C -> op1 (age 0s, idle 6s, 1 waiting, 2 eligible); dial op1 for C/1
        "#]],
    );
}

#[test]
fn operators_take_calls_of_their_own_queues_only() {
    check_with(
        |config| {
            config.queues.push(config.queues[0].clone());
            config.operators[0].queues = vec![1];
        },
        "0s op1 on; A calls; 5s B calls queue 1; 9s op2 on",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m05s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 5s, 1 waiting, 1 eligible, past A); dial op1 for B/1
            0m09s   op2 paused (not_ready)
            0m09s   op2 available; A -> op2 (age 9s, idle 0s, 1 waiting, 1 eligible); dial op2 for A/1
        "#]],
    );
}

#[test]
fn a_phone_not_answered_gives_the_call_back_and_rings_the_next() {
    check(
        "0s op1 on; 1s op2 on; 2s A calls; 30s wait",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m01s   op2 paused (not_ready)
            0m01s   op2 available
            0m02s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 2s, 1 waiting, 2 eligible); dial op1 for A/1
            0m22s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; A -> op2 (age 20s, idle 21s, 1 waiting, 2 eligible); dial op2 for A/2
        "#]],
    );
}

#[test]
fn after_as_many_as_set_in_a_row_the_operator_is_paused() {
    check(
        "0s op1 on; A calls; 1m wait; 2m op1 ready; op1 answers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m20s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; A -> op1 (age 20s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
            0m40s   hang up A/2 (ring_timeout); A back from op1 (no_answer); op1 paused (no_answer)
            2m00s   op1 available; A -> op1 (age 120s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/3
            2m00s   bridge A/3; A talks with op1
        "#]],
    );
}

#[test]
fn an_answer_ends_the_row() {
    check(
        "0s op1 on; A calls; 25s op1 answers; 30s A hangs up; 40s B calls; 1m10s op1 answers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m20s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; A -> op1 (age 20s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
            0m25s   bridge A/2; A talks with op1
            0m30s   hang up A/2 (peer_gone); A ends (answered, waited 25s, talked 5s); op1 available
            0m40s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 10s, 1 waiting, 1 eligible); dial op1 for B/1
            1m00s   hang up B/1 (ring_timeout); B back from op1 (no_answer); op1 available; B -> op1 (age 20s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/2
            1m10s   bridge B/2; B talks with op1
        "#]],
    );
}

#[test]
fn a_declined_call_goes_on_and_the_operator_is_paused() {
    check(
        "0s op1 on; 1s op2 on; A calls; 3s op1 declines",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m01s   op2 paused (not_ready)
            0m01s   op2 available
            0m01s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 1s, 1 waiting, 2 eligible); dial op1 for A/1
            0m03s   A back from op1 (failed:declined); op1 paused (declined); A -> op2 (age 2s, idle 2s, 1 waiting, 1 eligible); dial op2 for A/2
        "#]],
    );
}

#[test]
fn a_busy_phone_pauses() {
    check(
        "0s op1 on; A calls; 0s op1 busy; 9s op1 ready",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   A back from op1 (failed:busy); op1 paused (phone_busy)
            0m09s   op1 available; A -> op1 (age 9s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
        "#]],
    );
}

#[test]
fn a_phone_that_cannot_be_reached_pauses_until_it_registers() {
    check(
        "0s op1 on; A calls; 0s op1 unreachable; 9s op1 registers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   A back from op1 (failed:unreachable); op1 paused (phone_gone)
            0m09s   op1 available; A -> op1 (age 9s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
        "#]],
    );
}

#[test]
fn a_phone_in_error_is_not_rung_in_a_loop() {
    check(
        "0s op1 on; A calls; 0s op1 fails 500",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   A back from op1 (failed:other:500); op1 paused (phone_gone)
        "#]],
    );
}

#[test]
fn a_phone_that_gives_up_ringing_counts_as_not_answered() {
    check(
        "0s op1 on; A calls; 15s op1 silent; 30s op1 silent",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m15s   A back from op1 (failed:no_answer); op1 available; A -> op1 (age 15s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
            0m30s   A back from op1 (failed:no_answer); op1 paused (no_answer)
        "#]],
    );
}

#[test]
fn a_phone_that_refuses_without_ringing_is_not_rung_in_a_loop() {
    check(
        "0s op1 on; A calls; 0.1s op1 silent",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   A back from op1 (failed:no_answer); op1 paused (declined)
        "#]],
    );
}

#[test]
fn wrap_up_ends_by_the_clock() {
    check_with(
        |config| config.queues[0].wrap_up = Duration::from_secs(30),
        "0s op1 on; A calls; op1 answers; 10s A hangs up; 20s B calls; 45s wait",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, talked 10s); op1 wraps up for 30s
            0m20s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m40s   op1 available; B -> op1 (age 20s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
        "#]],
    );
}

#[test]
fn wrap_up_ends_by_the_operator() {
    check_with(
        |config| config.queues[0].wrap_up = Duration::from_secs(30),
        "0s op1 on; A calls; op1 answers; 10s op1 hangs up; 20s B calls; 25s op1 ready",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   hang up A/0 (peer_gone); A ends (answered, talked 10s); op1 wraps up for 30s
            0m20s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m25s   op1 available; B -> op1 (age 5s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
        "#]],
    );
}

#[test]
fn wrap_up_is_extended_and_not_for_ever() {
    check_with(
        |config| {
            config.queues[0].wrap_up = Duration::from_secs(60);
            config.queues[0].wrap_up_extension = Duration::from_secs(1000);
        },
        "0s op1 on; A calls; op1 answers; 10s A hangs up; B calls; 20s op1 extends; op1 extends; op1 extends; 1h wait",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, talked 10s); op1 wraps up for 60s
            0m10s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m20s   op1 wraps up for 1050s
            0m20s   op1 wraps up for 1790s
            0m20s   op1 refused (wrap_up_max)
            30m10s  op1 available; B -> op1 (age 1800s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            30m30s  hang up B/1 (ring_timeout); B back from op1 (no_answer); B hears farewell (timed_out); op1 available
            31m00s  hang up B/0 (ended); B ends (timed_out, waited 1820s)
        "#]],
    );
}

#[test]
fn nothing_to_extend() {
    check(
        "0s op1 on; op1 extends",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op1 refused (not_in_wrap_up)
        "#]],
    );
}

#[test]
fn a_pause_asked_for_in_the_conversation_comes_after_the_wrap_up() {
    check_with(
        |config| config.queues[0].wrap_up = Duration::from_secs(30),
        "0s op1 on; A calls; op1 answers; 5s op1 pauses; 10s A hangs up; 50s wait",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, talked 10s); op1 wraps up for 30s
            0m40s   op1 paused (chosen:0)
        "#]],
    );
}

#[test]
fn ready_takes_back_a_pause_asked_for() {
    check(
        "0s op1 on; A calls; op1 answers; 5s op1 pauses; 6s op1 ready; 10s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, talked 10s); op1 available
        "#]],
    );
}

#[test]
fn signing_off_in_the_conversation_finishes_it_first() {
    check(
        "0s op1 on; A calls; op1 answers; 5s op1 signs off; 10s A hangs up; 11s B calls",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, talked 10s); op1 signed_off
            0m11s   B has ticket 2; B answered; B hears hold_music; B has a line
        "#]],
    );
}

#[test]
fn signing_on_again_takes_back_the_signing_off() {
    check(
        "0s op1 on; A calls; op1 answers; 5s op1 signs off; 6s op1 signs on; 10s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, talked 10s); op1 available
        "#]],
    );
}

#[test]
fn pausing_while_the_phone_rings_gives_the_call_back() {
    check(
        "0s op1 on; 1s op2 on; A calls; 5s op1 pauses",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m01s   op2 paused (not_ready)
            0m01s   op2 available
            0m01s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 1s, 1 waiting, 2 eligible); dial op1 for A/1
            0m05s   hang up A/1 (elsewhere); A back from op1 (operator_left); op1 paused (chosen:0); A -> op2 (age 4s, idle 4s, 1 waiting, 1 eligible); dial op2 for A/2
        "#]],
    );
}

#[test]
fn signing_off_while_the_phone_rings_gives_the_call_back() {
    check(
        "0s op1 on; A calls; 5s op1 signs off",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m05s   hang up A/1 (elsewhere); A back from op1 (operator_left); op1 signed_off
        "#]],
    );
}

#[test]
fn pausing_ends_the_wrap_up() {
    check_with(
        |config| config.queues[0].wrap_up = Duration::from_secs(30),
        "0s op1 on; A calls; op1 answers; 10s A hangs up; 15s op1 pauses for 1; 16s op1 pauses for 0; 1m wait",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, talked 10s); op1 wraps up for 30s
            0m15s   op1 paused (chosen:1)
            0m16s   op1 paused (chosen:0)
        "#]],
    );
}

#[test]
fn commands_that_do_not_apply_are_refused() {
    check(
        "0s op1 ready; op1 pauses; op1 signs on; op1 signs on; op1 ready; op1 pauses for 9; op77 ready",
        expect![[r#"
            0m00s   op1 refused (signed_off)
            0m00s   op1 refused (signed_off)
            0m00s   op1 paused (not_ready)
            0m00s   op1 refused (phone_gone)
            0m00s   op1 refused (unknown_pause_reason)
            0m00s   op77 refused (unknown_operator)
        "#]],
    );
}

#[test]
fn a_phone_that_unregisters_makes_unavailable_and_back() {
    check(
        "0s op1 on; 5s op1 unregisters; 6s A calls; 9s op1 registers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m05s   op1 paused (phone_gone)
            0m06s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m09s   op1 available; A -> op1 (age 3s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
        "#]],
    );
}

#[test]
fn a_phone_that_unregisters_while_ringing_gives_the_call_back() {
    check(
        "0s op1 on; 1s op2 on; A calls; 5s op1 unregisters",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m01s   op2 paused (not_ready)
            0m01s   op2 available
            0m01s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 1s, 1 waiting, 2 eligible); dial op1 for A/1
            0m05s   hang up A/1 (elsewhere); A back from op1 (phone_gone); op1 paused (phone_gone); A -> op2 (age 4s, idle 4s, 1 waiting, 1 eligible); dial op2 for A/2
        "#]],
    );
}

#[test]
fn a_phone_that_unregisters_in_the_conversation_lets_it_go_on() {
    check(
        "0s op1 on; A calls; op1 answers; 5s op1 unregisters; 10s A hangs up; 20s op1 registers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, talked 10s); op1 paused (phone_gone)
            0m20s   op1 available
        "#]],
    );
}

#[test]
fn an_automatic_operator_needs_no_console() {
    check_with(
        |config| config.operators[0].auto_ready = true,
        "0s A calls; 1s op1 registers; op1 answers; 5s A hangs up; 9s op1 unregisters",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m01s   op1 available; A -> op1 (age 1s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m01s   bridge A/1; A talks with op1
            0m05s   hang up A/1 (peer_gone); A ends (answered, waited 1s, talked 4s); op1 available
            0m09s   op1 signed_off
        "#]],
    );
}

#[test]
fn an_automatic_operator_without_phone_signs_off_after_the_call() {
    check_with(
        |config| config.operators[0].auto_ready = true,
        "0s A calls; 1s op1 registers; op1 answers; 3s op1 unregisters; 5s A hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m01s   op1 available; A -> op1 (age 1s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m01s   bridge A/1; A talks with op1
            0m05s   hang up A/1 (peer_gone); A ends (answered, waited 1s, talked 4s); op1 signed_off
        "#]],
    );
}

#[test]
fn an_automatic_operator_who_chose_a_pause_stays_paused() {
    check_with(
        |config| config.operators[0].auto_ready = true,
        "0s op1 registers; op1 pauses; 5s op1 registers; op1 ready",
        expect![[r#"
            0m00s   op1 available
            0m00s   op1 paused (chosen:0)
            0m05s   op1 available
        "#]],
    );
}

#[test]
fn who_does_not_answer_after_the_rest_either_comes_back_only_by_himself() {
    let resting = |config: &mut acd::AcdConfig| {
        config.operators.truncate(1);
        config.operators[0].rest = Duration::from_secs(60);
    };
    let script =
        "0s op1 on; A calls; 20s wait; 40s wait; 1m40s wait; 2m00s wait; 5m wait; 6m op1 ready; op1 answers";
    check_with(
        resting,
        script,
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
        0m20s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; A -> op1 (age 20s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
        0m40s   hang up A/2 (ring_timeout); A back from op1 (no_answer); op1 paused (no_answer)
        1m40s   op1 available; A -> op1 (age 100s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/3
        2m00s   hang up A/3 (ring_timeout); A back from op1 (no_answer); op1 paused (no_answer)
        6m00s   op1 available; A -> op1 (age 360s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/4
        6m00s   bridge A/4; A talks with op1
    "#]],
    );
    let answered = "0s op1 on; A calls; 40s wait; 1m40s op1 answers; 2m A hangs up; B calls; 3m wait";
    check_with(
        resting,
        answered,
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
        0m20s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; A -> op1 (age 20s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
        0m40s   hang up A/2 (ring_timeout); A back from op1 (no_answer); op1 paused (no_answer)
        1m40s   op1 available; A -> op1 (age 100s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/3
        1m40s   bridge A/3; A talks with op1
        2m00s   hang up A/3 (peer_gone); A ends (answered, waited 100s, talked 20s); op1 available
        2m00s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
        2m20s   hang up B/1 (ring_timeout); B back from op1 (no_answer); op1 available; B -> op1 (age 20s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/2
        2m40s   hang up B/2 (ring_timeout); B back from op1 (no_answer); op1 paused (no_answer)
    "#]],
    );
}
