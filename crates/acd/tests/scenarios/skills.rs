//! What a single call needs, over what its queue does.

use crate::script::{check_with, operator};
use acd::*;
use expect_test::expect;
use std::time::Duration;

/// op1 knows nothing, op2 has skill 1, op3 has skills 1 and 2.
fn skilled(config: &mut AcdConfig) {
    config.operators = (0..3)
        .map(|n| OperatorConfig {
            skills: Skills([0, 1, 3][n]),
            ..operator(&format!("op{}", n + 1))
        })
        .collect();
    config.queues[0].choices = vec![
        Choice {
            key: '2',
            skills: Skills(2),
        },
        Choice {
            key: '9',
            skills: Skills(0),
        },
    ];
}

#[test]
fn a_call_waits_for_who_can_take_it_and_lets_others_pass_who_need_less() {
    check_with(
        skilled,
        "0s A calls needs 2; B calls; C calls needs 1; 5s op1 on; op2 on; explain A; 9s op3 on",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
        0m05s   op1 paused (not_ready)
        0m05s   op1 available; B -> op1 (age 5s, idle 0s, 3 waiting, 1 eligible, past A); dial op1 for B/1
        0m05s   op2 paused (not_ready)
        0m05s   op2 available; C -> op2 (age 5s, idle 0s, 2 waiting, 1 eligible, past A); dial op2 for C/1
                A waits for for:operator,may:1,busy:0,paused:0,relaxes:null; 0 before, first []; at most 1795s
        0m09s   op3 paused (not_ready)
        0m09s   op3 available; A -> op3 (age 9s, idle 0s, 1 waiting, 1 eligible); dial op3 for A/1
    "#]],
    );
}

#[test]
fn among_those_who_need_the_same_the_oldest_is_first() {
    check_with(
        skilled,
        "0s A calls needs 1; B calls needs 2; C calls needs 1; D calls; 5s op3 on; op3 answers; 9s A hangs up; op3 ready",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
        0m00s   D has ticket 4; D answered; D hears hold_music; D has a line
        0m05s   op3 paused (not_ready)
        0m05s   op3 available; A -> op3 (age 5s, idle 0s, 4 waiting, 1 eligible); dial op3 for A/1
        0m05s   bridge A/1; A talks with op3
        0m09s   hang up A/1 (peer_gone); A ends (answered, waited 5s, talked 4s); op3 available; B -> op3 (age 9s, idle 0s, 3 waiting, 1 eligible); dial op3 for B/1
    "#]],
    );
}

#[test]
fn a_key_says_what_the_operator_must_know_and_keeps_the_place() {
    check_with(
        skilled,
        "0s A calls; B calls; 2s A presses 2; A presses 2; 3s op1 on; 4s A presses 9; 5s op2 on",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m02s   A needs 2
        0m03s   op1 paused (not_ready)
        0m03s   op1 available; B -> op1 (age 3s, idle 0s, 2 waiting, 1 eligible, past A); dial op1 for B/1
        0m04s   A needs 0
        0m05s   op2 paused (not_ready)
        0m05s   op2 available; A -> op2 (age 5s, idle 0s, 1 waiting, 1 eligible); dial op2 for A/1
    "#]],
    );
}

#[test]
fn a_single_call_relaxes_too() {
    let relaxing = |config: &mut AcdConfig| {
        skilled(config);
        config.queues[0].relax_after = Duration::from_secs(30);
    };
    check_with(
        relaxing,
        "0s op1 on; 0s A calls needs 2; 10s B calls needs 1; explain A; 29s wait; 31s wait",
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m10s   B has ticket 2; B answered; B hears hold_music; B has a line
                A waits for for:operator,may:1,busy:0,paused:0,relaxes:1795395630000000; 0 before, first []; at most 1790s
        0m30s   A -> op1 (age 30s, idle 30s, 2 waiting, 1 eligible); dial op1 for A/1
    "#]],
    );
}

#[test]
fn a_call_back_needs_what_its_caller_did() {
    let back = |config: &mut AcdConfig| {
        skilled(config);
        config.queues[0].call_back = Some(CallBack::default());
    };
    check_with(
        back,
        "0s A calls; A presses 2; A presses 1; A heard; op1 on; op2 on; 5s op3 on; op3 answers; A* answers",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   A needs 2
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   hang up A/0 (ended); A ends (callback)
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   op2 paused (not_ready)
        0m00s   op2 available
        0m05s   op3 paused (not_ready)
        0m05s   op3 available; A* -> op3 (age 5s, idle 0s, 1 waiting, 1 eligible); dial op3 for A*/1
        0m05s   dial A for A*/0; A*/1 hears it ring
        0m05s   bridge A*/1; A* talks with op3
    "#]],
    );
}
