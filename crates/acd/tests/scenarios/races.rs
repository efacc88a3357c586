//! Races: what crosses on the wire, in both orders.

use crate::script::check;
use expect_test::expect;

#[test]
fn the_caller_hangs_up_just_before_the_operator_answers() {
    check(
        "0s A calls; 9s op1 on; 10s A hangs up; op1 answers",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m09s   op1 paused (not_ready)
            0m09s   op1 available; A -> op1 (age 9s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m10s   hang up A/1 (peer_gone); A ends (abandoned, waited 10s); op1 available
            0m10s   hang up A/1 (elsewhere)
        "#]],
    );
}

#[test]
fn the_operator_answers_just_before_the_caller_hangs_up() {
    check(
        "0s A calls; 9s op1 on; 10s op1 answers; A hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m09s   op1 paused (not_ready)
            0m09s   op1 available; A -> op1 (age 9s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m10s   bridge A/1; A talks with op1
            0m10s   hang up A/1 (peer_gone); A ends (answered, waited 10s); op1 available
        "#]],
    );
}

#[test]
fn the_phone_is_picked_up_at_the_ring_timeout() {
    check(
        "0s op1 on; A calls; 20s op1 answers A/1",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m20s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; A -> op1 (age 20s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
            0m20s   hang up A/1 (elsewhere)
        "#]],
    );
}

#[test]
fn a_phone_given_up_on_is_picked_up_while_another_rings() {
    check(
        "0s op1 on; 1s op2 on; 2s A calls; 22.1s op1 answers A/1; 23s op2 answers; 24s op1 hangs up A/1",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m01s   op2 paused (not_ready)
            0m01s   op2 available
            0m02s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 2s, 1 waiting, 2 eligible); dial op1 for A/1
            0m22s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; A -> op2 (age 20s, idle 21s, 1 waiting, 2 eligible); dial op2 for A/2
            0m22s   hang up A/1 (elsewhere)
            0m23s   bridge A/2; A talks with op2
        "#]],
    );
}

#[test]
fn answered_twice_is_answered_once() {
    check(
        "0s op1 on; A calls; 2s op1 answers; op1 answers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m02s   bridge A/1; A talks with op1
        "#]],
    );
}

#[test]
fn a_leg_that_failed_cannot_answer() {
    check(
        "0s op1 on; A calls; 2s op1 declines; op1 answers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m02s   A back from op1 (failed:declined); op1 paused (declined)
            0m02s   hang up A/1 (elsewhere)
        "#]],
    );
}

#[test]
fn both_hang_up_at_once() {
    check(
        "0s op1 on; A calls; 2s op1 answers; 9s A hangs up; op1 hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m02s   bridge A/1; A talks with op1
            0m09s   hang up A/1 (peer_gone); A ends (answered, waited 2s, talked 7s); op1 available
        "#]],
    );
}

#[test]
fn the_operator_s_end_fails_in_the_conversation() {
    check(
        "0s op1 on; A calls; 2s op1 answers; 9s op1 fails 500",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m02s   bridge A/1; A talks with op1
            0m09s   hang up A/0 (peer_gone); A ends (answered, waited 2s, talked 7s); op1 available
        "#]],
    );
}

#[test]
fn put_down_again_before_we_knew_of_the_answer() {
    check(
        "0s op1 on; A calls; 2s op1 hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m02s   A back from op1 (failed:declined); op1 paused (declined)
        "#]],
    );
}

#[test]
fn ready_and_a_call_in_either_order() {
    check(
        "0s op1 on; A calls; 9s op1 pauses; B calls; op1 ready",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m09s   hang up A/1 (elsewhere); A back from op1 (operator_left); op1 paused (chosen:0)
            0m09s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m09s   op1 available; A -> op1 (age 9s, idle 0s, 2 waiting, 1 eligible); dial op1 for A/2
        "#]],
    );
}

#[test]
fn a_returned_call_is_ahead_of_all_that_came_later() {
    check(
        "0s op1 on; A calls; B calls; C calls; 3s op1 declines; 4s op2 on; 5s op3 on; 6s op4 on",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
            0m03s   A back from op1 (failed:declined); op1 paused (declined)
            0m04s   op2 paused (not_ready)
            0m04s   op2 available; A -> op2 (age 4s, idle 0s, 3 waiting, 1 eligible); dial op2 for A/2
            0m05s   op3 paused (not_ready)
            0m05s   op3 available; B -> op3 (age 5s, idle 0s, 2 waiting, 1 eligible); dial op3 for B/1
            0m06s   op4 paused (not_ready)
            0m06s   op4 available; C -> op4 (age 6s, idle 0s, 1 waiting, 1 eligible); dial op4 for C/1
        "#]],
    );
}

#[test]
fn inputs_about_nothing_change_nothing() {
    check(
        "0s A calls; 1s A hangs up; A heard; A presses 1; A holds; A silent; op1 rings A/1; op1 declines A/1; op1 hangs up A/1; op1 holds A/1",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m01s   A ends (short_abandoned, waited 1s)
        "#]],
    );
}

#[test]
fn an_answer_on_nobodys_leg_is_hung_up() {
    check(
        "0s A calls; 1s op1 answers A/5",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m01s   hang up A/5 (elsewhere)
        "#]],
    );
}

#[test]
fn hold_is_counted_from_either_side() {
    check(
        "0s op1 on; A calls; op1 answers; 10s op1 holds; 12s A holds; 15s op1 resumes; 20s A resumes; 30s A holds; 34s op1 hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A on hold
            0m15s   bridge A/1
            0m20s   A off hold
            0m30s   A on hold
            0m34s   hang up A/0 (peer_gone); A ends (answered, talked 34s, held 14s); op1 available
        "#]],
    );
}

#[test]
fn a_caller_on_hold_before_the_answer_is_on_hold_after_it() {
    check(
        "0s A calls; 1s A holds; 2s op1 on; op1 answers; 5s A resumes; 9s A hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m02s   op1 paused (not_ready)
            0m02s   op1 available; A -> op1 (age 2s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m02s   bridge A/1; A talks with op1; A on hold
            0m05s   A off hold
            0m09s   hang up A/1 (peer_gone); A ends (answered, waited 2s, talked 7s, held 3s); op1 available
        "#]],
    );
}

#[test]
fn silence_is_reported() {
    check(
        "0s op1 on; A calls; op1 answers; 30s A silent",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m30s   A/0 is silent
        "#]],
    );
}
