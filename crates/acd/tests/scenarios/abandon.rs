//! Callers who give up, and those who break off.

use crate::script::check;
use expect_test::expect;

#[test]
fn gone_at_once_and_gone_later() {
    check(
        "0s A calls; B calls; 4.9s A hangs up; 5s B hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m04s   A ends (short_abandoned, waited 4.9s)
            0m05s   B ends (abandoned, waited 5s)
        "#]],
    );
}

#[test]
fn a_leg_that_fails_is_a_failed_call() {
    check(
        "0s A calls; 9s A fails",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m09s   A ends (failed, waited 9s)
        "#]],
    );
}

#[test]
fn a_leg_that_fails_in_the_conversation_was_answered() {
    check(
        "0s op1 on; A calls; 2s op1 answers; 9s A fails",
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
fn gone_while_the_phone_rings_cancels_it_and_the_next_gets_the_operator() {
    check(
        "0s A calls; B calls; 9s op1 on; 12s A hangs up; 13s op1 answers",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m09s   op1 paused (not_ready)
            0m09s   op1 available; A -> op1 (age 9s, idle 0s, 2 waiting, 1 eligible); dial op1 for A/1
            0m12s   hang up A/1 (peer_gone); A ends (abandoned, waited 12s); op1 available; B -> op1 (age 12s, idle 3s, 1 waiting, 1 eligible); dial op1 for B/1
            0m13s   bridge B/1; B talks with op1
        "#]],
    );
}

#[test]
fn the_operator_does_not_lose_the_turn_by_a_caller_who_left() {
    check(
        "0s op1 on; 1s op2 on; 9s A calls; 12s A hangs up; 13s B calls",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m01s   op2 paused (not_ready)
            0m01s   op2 available
            0m09s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 9s, 1 waiting, 2 eligible); dial op1 for A/1
            0m12s   hang up A/1 (peer_gone); A ends (short_abandoned, waited 3s); op1 available
            0m13s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 13s, 1 waiting, 2 eligible); dial op1 for B/1
        "#]],
    );
}

#[test]
fn gone_twice_counts_once() {
    check(
        "0s A calls; 9s A hangs up; A hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m09s   A ends (abandoned, waited 9s)
        "#]],
    );
}
