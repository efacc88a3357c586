//! All free phones ring at once.

use crate::script::check_with;
use acd::*;
use expect_test::expect;
use std::time::Duration;

fn all(config: &mut AcdConfig) {
    config.queues[0].strategy = Strategy::RingAll;
}

#[test]
fn the_first_to_pick_up_has_the_call() {
    check_with(
        all,
        "0s op1 on; op2 on; op3 on; 5s A calls; 7s op2 answers; op1 answers; 60s A hangs up",
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   op2 paused (not_ready)
        0m00s   op2 available
        0m00s   op3 paused (not_ready)
        0m00s   op3 available
        0m05s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 5s, 1 waiting, 3 eligible); dial op1 for A/1; A -> op2 (age 0s, idle 5s, 1 waiting, 3 eligible); dial op2 for A/2; A -> op3 (age 0s, idle 5s, 1 waiting, 3 eligible); dial op3 for A/3
        0m07s   hang up A/1 (elsewhere); hang up A/3 (elsewhere); bridge A/2; A talks with op2; op1 available; op3 available
        0m07s   hang up A/1 (elsewhere)
        1m00s   hang up A/2 (peer_gone); A ends (answered, waited 2s, talked 53s); op2 available
    "#]],
    );
}

#[test]
fn one_who_declines_leaves_the_others_ringing() {
    check_with(
        all,
        "0s op1 on; op2 on; A calls; op1 declines; B calls; 3s op2 answers; op3 on",
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   op2 paused (not_ready)
        0m00s   op2 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1; A -> op2 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op2 for A/2
        0m00s   A back from op1 (failed:declined); op1 paused (declined)
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m03s   bridge A/2; A talks with op2
        0m03s   op3 paused (not_ready)
        0m03s   op3 available; B -> op3 (age 3s, idle 0s, 1 waiting, 1 eligible); dial op3 for B/1
    "#]],
    );
}

#[test]
fn the_last_to_decline_gives_the_call_back() {
    check_with(
        all,
        "0s op1 on; op2 on; A calls; op1 declines; op2 busy; explain A; op3 on",
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   op2 paused (not_ready)
        0m00s   op2 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1; A -> op2 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op2 for A/2
        0m00s   A back from op1 (failed:declined); op1 paused (declined)
        0m00s   A back from op2 (failed:busy); op2 paused (phone_busy)
                A waits for for:operator,may:9,busy:0,paused:2,relaxes:null; 0 before, first []; at most 1800s
        0m00s   op3 paused (not_ready)
        0m00s   op3 available; A -> op3 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op3 for A/3
    "#]],
    );
}

#[test]
fn nobody_picks_up() {
    check_with(
        all,
        "0s op1 on; op2 on; A calls; 20s wait; 40s wait; 41s wait",
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   op2 paused (not_ready)
        0m00s   op2 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1; A -> op2 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op2 for A/2
        0m20s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; hang up A/2 (ring_timeout); A back from op2 (no_answer); op2 available; A -> op1 (age 20s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/3; A -> op2 (age 20s, idle 0s, 1 waiting, 2 eligible); dial op2 for A/4
        0m40s   hang up A/3 (ring_timeout); A back from op1 (no_answer); op1 paused (no_answer); hang up A/4 (ring_timeout); A back from op2 (no_answer); op2 paused (no_answer)
    "#]],
    );
}

#[test]
fn the_caller_hangs_up_while_all_ring() {
    check_with(
        all,
        "0s op1 on; op2 on; A calls; 10s A hangs up",
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   op2 paused (not_ready)
        0m00s   op2 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1; A -> op2 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op2 for A/2
        0m10s   hang up A/1 (peer_gone); hang up A/2 (peer_gone); A ends (abandoned, waited 10s); op1 available; op2 available
    "#]],
    );
}

#[test]
fn one_phone_after_the_other_goes_away() {
    check_with(
        all,
        "0s op1 on; op2 on; op3 on; A calls; op2 unregisters; op1 signs off; op3 pauses",
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   op2 paused (not_ready)
        0m00s   op2 available
        0m00s   op3 paused (not_ready)
        0m00s   op3 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 3 eligible); dial op1 for A/1; A -> op2 (age 0s, idle 0s, 1 waiting, 3 eligible); dial op2 for A/2; A -> op3 (age 0s, idle 0s, 1 waiting, 3 eligible); dial op3 for A/3
        0m00s   hang up A/2 (elsewhere); A back from op2 (phone_gone); op2 paused (phone_gone)
        0m00s   hang up A/1 (elsewhere); A back from op1 (operator_left); op1 signed_off
        0m00s   hang up A/3 (elsewhere); A back from op3 (operator_left); op3 paused (chosen:0)
    "#]],
    );
}

#[test]
fn the_engine_stops_while_all_ring() {
    check_with(
        all,
        "0s op1 on; op2 on; A calls; hang up all",
        expect![[r#"
        0m00s   op1 paused (not_ready)
        0m00s   op1 available
        0m00s   op2 paused (not_ready)
        0m00s   op2 available
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1; A -> op2 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op2 for A/2
        0m00s   draining; hang up A/1 (shutdown); hang up A/2 (shutdown); hang up A/0 (shutdown); A ends (rejected); op1 available; op2 available
    "#]],
    );
}

#[test]
fn those_who_prefer_it_most_ring_first_and_no_more_than_may_at_a_time() {
    let crowd = |config: &mut AcdConfig| {
        all(config);
        config.operators = (0..RING_ALL_MAX + 3)
            .map(|n| OperatorConfig {
                name: format!("op{}", n + 1),
                queues: vec![0],
                levels: vec![u8::from(n == 0)],
                auto_ready: true,
                ..OperatorConfig::default()
            })
            .collect();
        config.queues[0].ring_timeout = Duration::from_secs(5);
    };
    let mut script: String = (1..=RING_ALL_MAX + 3)
        .map(|n| format!("{n}s op{n} registers; "))
        .collect();
    script.push_str("60s A calls; op2 answers");
    check_with(
        crowd,
        &script,
        expect![[r#"
        0m01s   op1 available
        0m02s   op2 available
        0m03s   op3 available
        0m04s   op4 available
        0m05s   op5 available
        0m06s   op6 available
        0m07s   op7 available
        0m08s   op8 available
        0m09s   op9 available
        0m10s   op10 available
        0m11s   op11 available
        0m12s   op12 available
        0m13s   op13 available
        0m14s   op14 available
        0m15s   op15 available
        0m16s   op16 available
        0m17s   op17 available
        0m18s   op18 available
        0m19s   op19 available
        0m20s   op20 available
        0m21s   op21 available
        0m22s   op22 available
        0m23s   op23 available
        0m24s   op24 available
        0m25s   op25 available
        0m26s   op26 available
        0m27s   op27 available
        0m28s   op28 available
        0m29s   op29 available
        0m30s   op30 available
        0m31s   op31 available
        0m32s   op32 available
        0m33s   op33 available
        0m34s   op34 available
        0m35s   op35 available
        1m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op2 (age 0s, idle 58s, 1 waiting, 35 eligible); dial op2 for A/1; A -> op3 (age 0s, idle 57s, 1 waiting, 35 eligible); dial op3 for A/2; A -> op4 (age 0s, idle 56s, 1 waiting, 35 eligible); dial op4 for A/3; A -> op5 (age 0s, idle 55s, 1 waiting, 35 eligible); dial op5 for A/4; A -> op6 (age 0s, idle 54s, 1 waiting, 35 eligible); dial op6 for A/5; A -> op7 (age 0s, idle 53s, 1 waiting, 35 eligible); dial op7 for A/6; A -> op8 (age 0s, idle 52s, 1 waiting, 35 eligible); dial op8 for A/7; A -> op9 (age 0s, idle 51s, 1 waiting, 35 eligible); dial op9 for A/8; A -> op10 (age 0s, idle 50s, 1 waiting, 35 eligible); dial op10 for A/9; A -> op11 (age 0s, idle 49s, 1 waiting, 35 eligible); dial op11 for A/10; A -> op12 (age 0s, idle 48s, 1 waiting, 35 eligible); dial op12 for A/11; A -> op13 (age 0s, idle 47s, 1 waiting, 35 eligible); dial op13 for A/12; A -> op14 (age 0s, idle 46s, 1 waiting, 35 eligible); dial op14 for A/13; A -> op15 (age 0s, idle 45s, 1 waiting, 35 eligible); dial op15 for A/14; A -> op16 (age 0s, idle 44s, 1 waiting, 35 eligible); dial op16 for A/15; A -> op17 (age 0s, idle 43s, 1 waiting, 35 eligible); dial op17 for A/16; A -> op18 (age 0s, idle 42s, 1 waiting, 35 eligible); dial op18 for A/17; A -> op19 (age 0s, idle 41s, 1 waiting, 35 eligible); dial op19 for A/18; A -> op20 (age 0s, idle 40s, 1 waiting, 35 eligible); dial op20 for A/19; A -> op21 (age 0s, idle 39s, 1 waiting, 35 eligible); dial op21 for A/20; A -> op22 (age 0s, idle 38s, 1 waiting, 35 eligible); dial op22 for A/21; A -> op23 (age 0s, idle 37s, 1 waiting, 35 eligible); dial op23 for A/22; A -> op24 (age 0s, idle 36s, 1 waiting, 35 eligible); dial op24 for A/23; A -> op25 (age 0s, idle 35s, 1 waiting, 35 eligible); dial op25 for A/24; A -> op26 (age 0s, idle 34s, 1 waiting, 35 eligible); dial op26 for A/25; A -> op27 (age 0s, idle 33s, 1 waiting, 35 eligible); dial op27 for A/26; A -> op28 (age 0s, idle 32s, 1 waiting, 35 eligible); dial op28 for A/27; A -> op29 (age 0s, idle 31s, 1 waiting, 35 eligible); dial op29 for A/28; A -> op30 (age 0s, idle 30s, 1 waiting, 35 eligible); dial op30 for A/29; A -> op31 (age 0s, idle 29s, 1 waiting, 35 eligible); dial op31 for A/30; A -> op32 (age 0s, idle 28s, 1 waiting, 35 eligible); dial op32 for A/31; A -> op33 (age 0s, idle 27s, 1 waiting, 35 eligible); dial op33 for A/32
        1m00s   hang up A/2 (elsewhere); hang up A/3 (elsewhere); hang up A/4 (elsewhere); hang up A/5 (elsewhere); hang up A/6 (elsewhere); hang up A/7 (elsewhere); hang up A/8 (elsewhere); hang up A/9 (elsewhere); hang up A/10 (elsewhere); hang up A/11 (elsewhere); hang up A/12 (elsewhere); hang up A/13 (elsewhere); hang up A/14 (elsewhere); hang up A/15 (elsewhere); hang up A/16 (elsewhere); hang up A/17 (elsewhere); hang up A/18 (elsewhere); hang up A/19 (elsewhere); hang up A/20 (elsewhere); hang up A/21 (elsewhere); hang up A/22 (elsewhere); hang up A/23 (elsewhere); hang up A/24 (elsewhere); hang up A/25 (elsewhere); hang up A/26 (elsewhere); hang up A/27 (elsewhere); hang up A/28 (elsewhere); hang up A/29 (elsewhere); hang up A/30 (elsewhere); hang up A/31 (elsewhere); hang up A/32 (elsewhere); bridge A/1; A talks with op2; op3 available; op4 available; op5 available; op6 available; op7 available; op8 available; op9 available; op10 available; op11 available; op12 available; op13 available; op14 available; op15 available; op16 available; op17 available; op18 available; op19 available; op20 available; op21 available; op22 available; op23 available; op24 available; op25 available; op26 available; op27 available; op28 available; op29 available; op30 available; op31 available; op32 available; op33 available
    "#]],
    );
}
