//! Numbers outside that operators ask about a call.

use crate::giving_outside::{one_line, to_mobiles};
use crate::script::check_with;
use acd::CallBack;
use expect_test::expect;
use std::time::Duration;

#[test]
fn who_is_asked_outside_takes_the_call_over_and_frees_the_line() {
    check_with(
        one_line,
        "op1 on; A calls; 5s op1 answers; B calls; 10s op1 asks 13900; op1 confers; 12s other rings A/2; 15s other answers A/2
         20s op1 completes; 50s other hangs up A/2",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m05s   bridge A/1; A talks with op1
            0m05s   B has ticket 2; B answered; B hears hold_music
            0m10s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2
            0m10s   op1 refused (not_answered)
            0m15s   A hears hold_music; confer A/1 A/2; A with 13900 (consulted)
            0m20s   hang up A/1 (ended); A from op1 to 13900; bridge A/2; A is with 13900; op1 wraps up for 30s; B has a line
            0m50s   op1 available; B -> op1 (age 45s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            0m50s   hang up A/0 (peer_gone); A ends (answered, waited 5s, talked 15s, held 10s)
        "#]],
    );
}

#[test]
fn who_is_asked_outside_is_let_go() {
    check_with(
        to_mobiles,
        "op1 on; A calls; op1 answers; 10s op1 asks 13900; 12s op1 cancels; other answers A/2
         20s op1 asks 110; 22s other answers A/3; 30s op1 cancels; 60s wait; 70s op1 presses hang up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2
            0m12s   bridge A/1; A alone; A off hold; hang up A/2 (elsewhere)
            0m12s   hang up A/2 (elsewhere)
            0m20s   A hears hold_music; A/1 hears it ring; A with 110 (ringing); A on hold; dial 110 for A/3
            0m22s   A hears hold_music; confer A/1 A/3; A with 110 (consulted)
            0m30s   bridge A/1; A alone; A off hold; hang up A/3 (elsewhere)
            1m10s   hang up A/1 (ended); hang up A/0 (peer_gone); A ends (answered, talked 70s, held 12s); op1 wraps up for 30s
        "#]],
    );
}

#[test]
fn an_outside_phone_that_does_not_take_it_gives_the_caller_back() {
    check_with(
        to_mobiles,
        "op1 on; A calls; op1 answers; 10s op1 asks 13900; 12s other busy A/2; 20s op1 asks 13900; 30s other silent A/3
         40s op1 asks 13900; 64s op1 presses hold; 65s wait; 70s op1 presses resume; 71s op1 asks 13900; 75s other answers A/5
         80s other hangs up A/5; 90s op1 hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2
            0m12s   bridge A/1; A alone; A off hold
            0m20s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/3
            0m30s   bridge A/1; A alone; A off hold
            0m40s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/4
            1m05s   hang up A/4 (ring_timeout); A hears hold_music; A alone
            1m10s   bridge A/1; A off hold
            1m11s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/5
            1m15s   A hears hold_music; confer A/1 A/5; A with 13900 (consulted)
            1m20s   bridge A/1; A alone; A off hold
            1m30s   hang up A/0 (peer_gone); A ends (answered, talked 90s, held 51s); op1 wraps up for 30s
        "#]],
    );
}

#[test]
fn three_talk_with_one_outside_until_one_leaves() {
    check_with(
        to_mobiles,
        "op1 on; A calls; op1 answers; 10s op1 asks 13900; other answers A/2; 20s op1 confers; op1 confers; op1 asks 110
         op1 consults op2; op1 gives to 110; 30s other hangs up A/2
         40s op1 asks 13900; other answers A/3; op1 confers; 50s op1 hangs up; 60s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2
            0m10s   A hears hold_music; confer A/1 A/2; A with 13900 (consulted)
            0m20s   confer A/1 A/2 with the caller; A with 13900 (joined); A off hold
            0m20s   op1 refused (asked_already)
            0m20s   op1 refused (asked_already)
            0m20s   op1 refused (asked_already)
            0m30s   bridge A/1; A alone
            0m40s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/3
            0m40s   A hears hold_music; confer A/1 A/3; A with 13900 (consulted)
            0m40s   confer A/1 A/3 with the caller; A with 13900 (joined); A off hold
            0m50s   A from op1 to 13900; bridge A/3; A is with 13900; op1 wraps up for 30s
            1m00s   hang up A/3 (peer_gone); A ends (answered, talked 50s, held 10s)
        "#]],
    );
}

#[test]
fn an_operator_who_leaves_while_it_rings_outside_has_given_the_call_away() {
    check_with(
        to_mobiles,
        "op1 on; A calls; op1 answers; 10s op1 asks 13900; 15s op1 hangs up; explain A; 20s other answers A/2
         B calls; 50s op1 ready; op1 answers; op1 asks 110; op1 unregisters; 60s op1 completes; 75s wait; 90s wait",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2
            0m15s   A from op1 to 13900; op1 wraps up for 30s
                    A waits for for:outside,until:1795395635000000; 0 before, first []; at most 1800s
            0m20s   bridge A/2; A is with 13900
            0m20s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m45s   op1 available; B -> op1 (age 25s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            0m50s   bridge B/1; B talks with op1
            0m50s   B hears hold_music; B/1 hears it ring; B with 110 (ringing); B on hold; dial 110 for B/2
            1m00s   hang up B/1 (ended); B from op1 to 110; op1 wraps up for 30s
            1m15s   hang up B/2 (ring_timeout); B back from outside (no_answer)
            1m30s   op1 paused (phone_gone)
        "#]],
    );
}

#[test]
fn a_caller_who_hangs_up_ends_it_for_who_was_asked_outside() {
    check_with(
        to_mobiles,
        "op1 on; A calls; op1 answers; op1 asks 13900; 5s A hangs up; other answers A/2; op1 ready
         B calls; op1 answers; op1 asks 13900; other answers B/2; 10s B hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2
            0m05s   hang up A/1 (peer_gone); A ends (answered, talked 5s, held 5s); op1 wraps up for 30s; hang up A/2 (elsewhere)
            0m05s   hang up A/2 (elsewhere)
            0m05s   op1 available
            0m05s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            0m05s   bridge B/1; B talks with op1
            0m05s   B hears hold_music; B/1 hears it ring; B with 13900 (ringing); B on hold; dial 13900 for B/2
            0m05s   B hears hold_music; confer B/1 B/2; B with 13900 (consulted)
            0m10s   hang up B/1 (peer_gone); B ends (answered, talked 5s, held 5s); op1 wraps up for 30s; hang up B/2 (elsewhere)
        "#]],
    );
}

#[test]
fn only_numbers_that_are_allowed_are_asked() {
    check_with(
        to_mobiles,
        "op1 asks 13900; op1 on; op2 on; A calls; op1 answers; op1 asks 14000; op1 consults op2; op1 asks 13900; op2 answers; op2 asks 13900",
        expect![[r#"
            0m00s   op1 refused (not_talking)
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   op1 refused (number_not_allowed)
            0m00s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m00s   op1 refused (asked_already)
            0m00s   A hears hold_music; confer A/1 A/2; A with op2 (consulted)
            0m00s   op2 refused (not_talking)
        "#]],
    );
    check_with(
        |_| {},
        "op1 on; A calls; op1 answers; op1 asks 13900",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   op1 refused (number_not_allowed)
        "#]],
    );
}

#[test]
fn who_answered_a_call_back_may_be_handed_outside() {
    check_with(
        |config| {
            to_mobiles(config);
            config.queues[0].call_back = Some(CallBack {
                key: '1',
                offer_after: Duration::from_secs(60),
                promises_max: 5,
                within: Duration::from_secs(3600),
                ring_timeout: Duration::from_secs(20),
            });
        },
        "A calls; A presses 1; A heard; op1 on; op1 answers; A* answers; 30s op1 asks 13900; other answers A*/2
         op1 completes; 60s A* hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
            0m00s   hang up A/0 (ended); A ends (callback)
            0m00s   op1 paused (not_ready)
            0m00s   op1 available; A* -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A*/1
            0m00s   dial A for A*/0; A*/1 hears it ring
            0m00s   bridge A*/1; A* talks with op1
            0m30s   A* hears hold_music; A*/1 hears it ring; A* with 13900 (ringing); A* on hold; dial 13900 for A*/2
            0m30s   A* hears hold_music; confer A*/1 A*/2; A* with 13900 (consulted)
            0m30s   hang up A*/1 (ended); A* from op1 to 13900; bridge A*/2; A* is with 13900; op1 wraps up for 30s
            1m00s   op1 available
            1m00s   hang up A*/2 (peer_gone); A* ends (answered, talked 30s)
        "#]],
    );
}

#[test]
fn the_end_of_the_engine_ends_it_for_who_was_asked_outside() {
    check_with(
        to_mobiles,
        "op1 on; op2 on; A calls; op1 answers; B calls; op2 answers; op1 asks 13900; op2 asks 110; other answers A/2; hang up all",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op2 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op2 for B/1
            0m00s   bridge B/1; B talks with op2
            0m00s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2
            0m00s   B hears hold_music; B/1 hears it ring; B with 110 (ringing); B on hold; dial 110 for B/2
            0m00s   A hears hold_music; confer A/1 A/2; A with 13900 (consulted)
            0m00s   draining; hang up A/1 (shutdown); hang up A/0 (shutdown); A ends (answered); op1 wraps up for 30s; hang up A/2 (elsewhere); hang up B/1 (shutdown); hang up B/0 (shutdown); B ends (answered); op2 wraps up for 30s; hang up B/2 (elsewhere)
        "#]],
    );
}
