//! Callers who would rather be called back: the place waits, they need not.

use crate::script::check_with;
use acd::*;
use expect_test::expect;
use std::time::Duration;

fn offered(config: &mut AcdConfig) {
    config.queues[0].call_back = Some(CallBack {
        key: '1',
        offer_after: Duration::from_secs(40),
        promises_max: 2,
        within: Duration::from_secs(600),
        ring_timeout: Duration::from_secs(25),
    });
    config.queues[0].place_grace = Duration::from_secs(60);
}

#[test]
fn the_place_waits_and_the_caller_is_dialled_when_it_is_his_turn() {
    check_with(
        offered,
        "0s A calls; B calls; 10s A presses 1; A heard; 20s C calls; 30s op1 on; op1 answers; 35s A* answers; 50s A* hangs up",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m10s   A hears farewell (callback); A* promised with ticket 1 of 10s ago; A* has a line
        0m10s   hang up A/0 (ended); A ends (callback, waited 10s)
        0m20s   C has ticket 3; C answered; C hears hold_music; C has a line
        0m30s   op1 paused (not_ready)
        0m30s   op1 available; A* -> op1 (age 30s, idle 0s, 3 waiting, 1 eligible); dial op1 for A*/1
        0m30s   dial A for A*/0; A*/1 hears it ring
        0m35s   bridge A*/1; A* talks with op1
        0m40s   B hears call-back by 1
        0m50s   hang up A*/1 (peer_gone); A* ends (answered, waited 25s, talked 15s); op1 available; B -> op1 (age 50s, idle 0s, 2 waiting, 1 eligible); dial op1 for B/1
    "#]],
    );
}

#[test]
fn it_is_offered_once_by_itself_and_then_with_each_position() {
    let told = |config: &mut AcdConfig| {
        offered(config);
        config.queues[0].announce_every = Duration::from_secs(30);
    };
    check_with(
        offered,
        "0s A calls; B calls as withheld; 1m30s wait",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m40s   A hears call-back by 1
    "#]],
    );
    check_with(
        told,
        "0s A calls; B calls as withheld; 1m30s wait",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m30s   A hears position 1; B hears position 2
        0m40s   A hears call-back by 1
        1m00s   A hears position 1, call-back by 1; B hears position 2
        1m30s   A hears position 1, call-back by 1; B hears position 2
    "#]],
    );
}

#[test]
fn a_caller_who_is_not_reached_finds_the_place_kept() {
    let script = "0s A calls; 5s A presses 1; A heard; 10s B calls; op1 on; op1 answers; 15s A* busy; 20s A2 calls as A";
    check_with(
        offered,
        script,
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m05s   A hears farewell (callback); A* promised with ticket 1 of 5s ago; A* has a line
        0m05s   hang up A/0 (ended); A ends (callback, waited 5s)
        0m10s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m10s   op1 paused (not_ready)
        0m10s   op1 available; A* -> op1 (age 10s, idle 0s, 2 waiting, 1 eligible); dial op1 for A*/1
        0m10s   dial A for A*/0; A*/1 hears it ring
        0m15s   hang up A*/0 (peer_gone); hang up A*/1 (peer_gone); A* ends (failed, waited 10s, place kept); op1 available; B -> op1 (age 5s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
        0m20s   A2 takes up ticket 1; A2 answered; A2 hears resumed; A2 has a line
    "#]],
    );
}

#[test]
fn the_callers_phone_rings_only_for_so_long_and_is_not_dialled_again() {
    let script = "0s A calls; A presses 1; A heard; op1 on; op1 answers; 40s A* answers; op1 ready; 5m wait";
    check_with(
        offered,
        script,
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   hang up A/0 (ended); A ends (callback)
        0m00s   op1 paused (not_ready)
        0m00s   op1 available; A* -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A*/1
        0m00s   dial A for A*/0; A*/1 hears it ring
        0m25s   hang up A*/0 (ring_timeout); hang up A*/1 (peer_gone); A* ends (failed, waited 25s, place kept); op1 available
        0m40s   hang up A*/0 (elsewhere)
    "#]],
    );
}

#[test]
fn an_operator_who_hangs_up_first_ends_it() {
    check_with(
        offered,
        "0s A calls; A presses 1; A heard; op1 on; op1 answers; 3s op1 hangs up; 4s A* answers",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   hang up A/0 (ended); A ends (callback)
        0m00s   op1 paused (not_ready)
        0m00s   op1 available; A* -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A*/1
        0m00s   dial A for A*/0; A*/1 hears it ring
        0m03s   hang up A*/0 (elsewhere); hang up A*/1 (peer_gone); A* ends (failed, waited 3s, place kept); op1 available
        0m04s   hang up A*/0 (elsewhere)
    "#]],
    );
}

#[test]
fn an_operator_who_does_not_pick_up_costs_nobody_a_place() {
    let script = "0s A calls; A presses 1; A heard; 1s op1 on; 10s op2 on; 25s op2 answers; A* answers";
    check_with(
        offered,
        script,
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   hang up A/0 (ended); A ends (callback)
        0m01s   op1 paused (not_ready)
        0m01s   op1 available; A* -> op1 (age 1s, idle 0s, 1 waiting, 1 eligible); dial op1 for A*/1
        0m10s   op2 paused (not_ready)
        0m10s   op2 available
        0m21s   hang up A*/1 (ring_timeout); A* back from op1 (no_answer); op1 available; A* -> op2 (age 21s, idle 11s, 1 waiting, 2 eligible); dial op2 for A*/2
        0m25s   dial A for A*/0; A*/2 hears it ring
        0m25s   bridge A*/2; A* talks with op2
    "#]],
    );
}

#[test]
fn a_caller_who_calls_again_takes_the_place_up_and_is_not_called_back() {
    let script = "0s A calls; B calls; A presses 1; A heard; 20s A2 calls as A; 30s op1 on; op1 answers";
    check_with(
        offered,
        script,
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   hang up A/0 (ended); A ends (callback)
        0m20s   A* ends (abandoned, waited 20s); A2 takes up ticket 1; A2 answered; A2 hears resumed; A2 has a line
        0m30s   op1 paused (not_ready)
        0m30s   op1 available; A2 -> op1 (age 30s, idle 0s, 2 waiting, 1 eligible); dial op1 for A2/1
        0m30s   bridge A2/1; A2 talks with op1
    "#]],
    );
    let while_ringing = "0s A calls; A presses 1; A heard; op1 on; 5s A2 calls as A; op1 answers";
    check_with(
        offered,
        while_ringing,
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   hang up A/0 (ended); A ends (callback)
        0m00s   op1 paused (not_ready)
        0m00s   op1 available; A* -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A*/1
        0m05s   hang up A*/1 (elsewhere); A* ends (abandoned, waited 5s); op1 available; A2 takes up ticket 1; A2 answered; A2 hears resumed; A2 has a line; A2 -> op1 (age 5s, idle 5s, 1 waiting, 1 eligible); dial op1 for A2/1
        0m05s   bridge A2/1; A2 talks with op1
    "#]],
    );
}

#[test]
fn it_is_not_promised_without_a_number_a_way_or_room() {
    check_with(
        offered,
        "0s A calls as withheld; A presses 1; B calls trunk 1; B presses 1",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
    "#]],
    );
    check_with(
        offered,
        "0s A..C call; A presses 1; B presses 1; C presses 1; C presses 2",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m00s   C has ticket 3; C answered; C hears hold_music; C has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   B hears farewell (callback); B* promised with ticket 2 of 0s ago; B* has a line
    "#]],
    );
}

#[test]
fn a_promise_that_cannot_be_kept_lapses() {
    check_with(
        offered,
        "0s A calls; A presses 1; A heard; 9m59s wait; 10m01s wait",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   hang up A/0 (ended); A ends (callback)
        10m00s  A* ends (timed_out, waited 600s)
    "#]],
    );
}

#[test]
fn a_promise_outlives_a_stop() {
    let script = "0s A calls; A presses 1; A heard; drain; 1s op1 on; hang up all; 2s started; op1 answers; A* answers";
    check_with(
        offered,
        script,
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   hang up A/0 (ended); A ends (callback)
        0m00s   draining
        0m01s   op1 paused (not_ready)
        0m01s   op1 available
        0m02s   started; A* -> op1 (age 2s, idle 1s, 1 waiting, 1 eligible); dial op1 for A*/1
        0m02s   dial A for A*/0; A*/1 hears it ring
        0m02s   bridge A*/1; A* talks with op1
    "#]],
    );
    let ringing = "0s A calls; A presses 1; A heard; op1 on; 1s hang up all; 5s started; op1 answers A*/2";
    check_with(
        offered,
        ringing,
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   hang up A/0 (ended); A ends (callback)
        0m00s   op1 paused (not_ready)
        0m00s   op1 available; A* -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A*/1
        0m01s   draining; hang up A*/1 (shutdown); A* back from op1 (operator_left); op1 available
        0m05s   started; A* -> op1 (age 5s, idle 5s, 1 waiting, 1 eligible); dial op1 for A*/2
        0m05s   dial A for A*/0; A*/2 hears it ring
    "#]],
    );
}

#[test]
fn whoever_waits_behind_a_promise_is_not_served_before_it() {
    let one_line = |config: &mut AcdConfig| {
        offered(config);
        config.schedule.windows[0].lines = 1;
    };
    let script = "0s A calls; B calls; C calls; 5s op1 on; op1 answers; B presses 1; 10s A hangs up; 12s B heard; explain C";
    check_with(
        one_line,
        script,
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music
        0m00s   C has ticket 3; C answered; C hears hold_music
        0m05s   op1 paused (not_ready)
        0m05s   op1 available; A -> op1 (age 5s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
        0m05s   bridge A/1; A talks with op1
        0m05s   B hears farewell (callback); B* promised with ticket 2 of 5s ago
        0m10s   hang up A/1 (peer_gone); A ends (answered, waited 5s, talked 5s); op1 available; B* has a line; B* -> op1 (age 10s, idle 0s, 1 waiting, 1 eligible); dial op1 for B*/1
        0m12s   hang up B/0 (ended); B ends (callback, waited 5s)
                C waits for for:line,in_force:1,in_use:1,next_change:1795428000000000,next_lines:4; 0 before, first []; at most 1788s
    "#]],
    );
}

#[test]
fn a_call_back_counts_as_nobody_who_waits_on_the_line() {
    let full = |config: &mut AcdConfig| {
        offered(config);
        config.queues[0].waiting_max = 1;
    };
    check_with(
        full,
        "0s A calls; A presses 1; B calls; C calls",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   A hears farewell (callback); A* promised with ticket 1 of 0s ago; A* has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
        0m00s   C has ticket 3; C answered; C hears farewell (saturated)
    "#]],
    );
}

/// The offer falls due while phones ring, and is made as soon as they do not; a core that is asked at that moment has no
/// deadline behind it.
#[test]
fn an_offer_that_fell_due_while_phones_rang_is_made_at_once() {
    let early = |config: &mut AcdConfig| {
        offered(config);
        config.queues[0].call_back = config.queues[0].call_back.map(|offer| CallBack {
            offer_after: Duration::from_secs(10),
            ..offer
        });
    };
    check_with(
        early,
        "0s op1 on; A calls; 15s op1 declines; B calls; 20s wait",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m15s   A back from op1 (failed:declined); op1 paused (declined); A hears call-back by 1
            0m15s   B has ticket 2; B answered; B hears hold_music; B has a line
        "#]],
    );
}
