//! What becomes of callers who cannot wait, or not any longer.

use crate::script::check_with;
use acd::*;
use expect_test::expect;
use std::time::Duration;

fn forwarding(config: &mut AcdConfig) {
    let queue = &mut config.queues[0];
    queue.waiting_max = 1;
    queue.wait_max = Duration::from_secs(60);
    queue.on_saturated = Overflow::Forward(0);
    queue.on_timed_out = Overflow::Forward(0);
    queue.on_closed = Overflow::Forward(0);
}

fn offering(config: &mut AcdConfig) {
    let queue = &mut config.queues[0];
    queue.waiting_max = 1;
    queue.wait_max = Duration::from_secs(60);
    queue.on_saturated = Overflow::OfferCallBack;
    queue.on_timed_out = Overflow::OfferCallBack;
    queue.on_closed = Overflow::OfferCallBack;
    queue.call_back = Some(CallBack::default());
}

#[test]
fn a_full_queue_sends_the_call_elsewhere() {
    check_with(
        forwarding,
        "0s A calls; B calls; 2s other rings B/1; 5s other answers B/1; 90s B hangs up",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; dial forward 0 for B/1
        0m05s   bridge B/1; B is with forward 0
        1m00s   A hears hold_music; dial forward 0 for A/1
        1m30s   hang up A/1 (ring_timeout); A hears farewell (timed_out)
        1m30s   hang up B/1 (peer_gone); B ends (saturated)
    "#]],
    );
}

#[test]
fn the_other_place_may_hang_up_first() {
    check_with(
        forwarding,
        "0s A calls; B calls; other answers B/1; 30s other hangs up B/1",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; dial forward 0 for B/1
        0m00s   bridge B/1; B is with forward 0
        0m30s   hang up B/0 (peer_gone); B ends (saturated)
    "#]],
    );
}

#[test]
fn nobody_elsewhere_means_a_last_word() {
    check_with(
        forwarding,
        "0s A calls; B calls; other busy B/1; B heard",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; dial forward 0 for B/1
        0m00s   B hears farewell (saturated)
        0m00s   hang up B/0 (ended); B ends (saturated)
    "#]],
    );
    check_with(
        forwarding,
        "0s A calls; B calls; 31s other answers B/1; B heard",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; dial forward 0 for B/1
        0m30s   hang up B/1 (ring_timeout); B hears farewell (saturated)
        0m31s   hang up B/1 (elsewhere)
        0m31s   hang up B/0 (ended); B ends (saturated)
    "#]],
    );
}

#[test]
fn a_caller_who_hangs_up_ends_the_ringing_elsewhere() {
    check_with(
        forwarding,
        "0s A calls; B calls; 3s B hangs up; 4s other answers B/1",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; dial forward 0 for B/1
        0m03s   hang up B/1 (peer_gone); B ends (saturated)
        0m04s   hang up B/1 (elsewhere)
    "#]],
    );
}

#[test]
fn who_has_waited_too_long_gives_the_line_back_when_the_other_place_answers() {
    let one_line = |config: &mut AcdConfig| {
        forwarding(config);
        config.queues[0].waiting_max = 9;
        config.schedule.windows[0].lines = 1;
    };
    check_with(
        one_line,
        "0s A calls; 30s B calls; 60s wait; 65s other answers A/1; 70s A hangs up",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m30s   B has ticket 2; B answered; B hears hold_music
        1m00s   A hears hold_music; dial forward 0 for A/1
        1m05s   bridge A/1; A is with forward 0; B has a line
        1m10s   hang up A/1 (peer_gone); A ends (timed_out, waited 60s)
    "#]],
    );
}

#[test]
fn a_caller_who_was_not_answered_is_answered_for_the_other_place() {
    let early = |config: &mut AcdConfig| {
        forwarding(config);
        config.queues[0].answer = AnswerWhen::Operator;
    };
    check_with(
        early,
        "0s A calls; B calls; other answers B/1; B hangs up",
        expect![[r#"
        0m00s   A has ticket 1; A in early media; A hears hold_music; A has a line
        0m00s   B has ticket 2; B in early media; B hears hold_music; dial forward 0 for B/1
        0m00s   B answered; bridge B/1; B is with forward 0
        0m00s   hang up B/1 (peer_gone); B ends (saturated)
    "#]],
    );
}

#[test]
fn closed_goes_elsewhere_too() {
    let by_day = |config: &mut AcdConfig| {
        forwarding(config);
        config.schedule.lines_otherwise = 0;
    };
    check_with(
        by_day,
        "start 20:00; 0s A calls; other answers A/1; A hangs up",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; dial forward 0 for A/1
        0m00s   bridge A/1; A is with forward 0
        0m00s   hang up A/1 (peer_gone); A ends (closed)
    "#]],
    );
}

#[test]
fn the_engine_stops_while_a_call_is_elsewhere() {
    check_with(
        forwarding,
        "0s A calls; B calls; C calls; other answers B/1; hang up all",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears hold_music; dial forward 0 for B/1
        0m00s   C has ticket 3; C answered; C hears hold_music; dial forward 0 for C/1
        0m00s   bridge B/1; B is with forward 0
        0m00s   draining; hang up A/0 (shutdown); A ends (rejected); hang up B/1 (shutdown); hang up B/0 (shutdown); B ends (saturated); hang up C/1 (shutdown); hang up C/0 (shutdown); C ends (saturated)
    "#]],
    );
}

#[test]
fn who_finds_it_full_may_ask_to_be_called_back() {
    check_with(
        offering,
        "0s A calls; B calls; 3s B heard; 8s B presses 1; B heard; 20s op1 on; op1 answers; 30s A hangs up; op1 ready; op1 answers B*/1; B* answers",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears last offer, call-back by 1
        0m03s   B hears hold_music
        0m08s   B hears farewell (callback); B* promised with ticket 2 of 8s ago; B* has a line
        0m08s   hang up B/0 (ended); B ends (callback)
        0m20s   op1 paused (not_ready)
        0m20s   op1 available; A -> op1 (age 20s, idle 0s, 2 waiting, 1 eligible); dial op1 for A/1
        0m20s   bridge A/1; A talks with op1
        0m30s   hang up A/1 (peer_gone); A ends (answered, waited 20s, talked 10s); op1 available; B* -> op1 (age 30s, idle 0s, 1 waiting, 1 eligible); dial op1 for B*/1
        0m30s   dial B for B*/0; B*/1 hears it ring
        0m30s   bridge B*/1; B* talks with op1
    "#]],
    );
}

#[test]
fn who_does_not_ask_hears_the_last_word() {
    check_with(
        offering,
        "0s A calls; B calls; 3s B heard; 20s B heard",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears last offer, call-back by 1
        0m03s   B hears hold_music
        0m13s   B hears farewell (saturated)
        0m20s   hang up B/0 (ended); B ends (saturated)
    "#]],
    );
    check_with(
        offering,
        "0s A calls; B calls as withheld",
        expect![[r#"
        0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
        0m00s   B has ticket 2; B answered; B hears farewell (saturated)
    "#]],
    );
}
