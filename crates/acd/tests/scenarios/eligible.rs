//! Who may take which call, and who is preferred: skills, levels, priority, callers who ring again.

use crate::script::{check_with, queue};
use acd::{AcdConfig, QueueConfig, Skills, Strategy};
use expect_test::expect;
use std::time::Duration;

const CANTONESE: Skills = Skills(1);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Queue 1 asks for Cantonese, which only op2 speaks.
fn cantonese(config: &mut AcdConfig) {
    config.queues.push(QueueConfig {
        skills: CANTONESE,
        ..queue()
    });
    config.operators[1].skills = CANTONESE;
}

#[test]
fn a_call_waits_for_the_skill_and_others_pass_it_meanwhile() {
    check_with(
        cantonese,
        "0s op1 on; A calls queue 1; B calls; 5s op2 on",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible, past A); dial op1 for B/1
            0m05s   op2 paused (not_ready)
            0m05s   op2 available; A -> op2 (age 5s, idle 0s, 1 waiting, 1 eligible); dial op2 for A/1
        "#]],
    );
}

#[test]
fn after_a_set_wait_anybody_may_take_it() {
    check_with(
        |config| {
            cantonese(config);
            config.queues[1].relax_after = seconds(60);
        },
        "0s op1 on; A calls queue 1; 10s B calls queue 1; 1m5s op3 on; 1m20s wait",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m10s   B has ticket 2; B answered; B hears hold_music; B has a line
            1m00s   A -> op1 (age 60s, idle 60s, 2 waiting, 1 eligible); dial op1 for A/1
            1m05s   op3 paused (not_ready)
            1m05s   op3 available
            1m10s   B -> op3 (age 60s, idle 5s, 1 waiting, 1 eligible); dial op3 for B/1
            1m20s   hang up A/1 (ring_timeout); A back from op1 (no_answer); op1 available; A -> op1 (age 80s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
        "#]],
    );
}

#[test]
fn operators_take_what_they_prefer_before_what_is_older() {
    check_with(
        |config| {
            config.queues.push(queue());
            config.operators[0].queues = vec![0, 1];
            config.operators[0].levels = vec![1, 0];
        },
        "0s A calls; 5s B calls queue 1; 6s C calls queue 1; 9s op1 on; op1 answers; 20s B hangs up; 21s op1 answers; 30s C hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m05s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m06s   C has ticket 3; C answered; C hears hold_music; C has a line
            0m09s   op1 paused (not_ready)
            0m09s   op1 available; B -> op1 (age 4s, idle 0s, 2 waiting, 1 eligible); dial op1 for B/1
            0m09s   bridge B/1; B talks with op1
            0m20s   hang up B/1 (peer_gone); B ends (answered, waited 4s, talked 11s); op1 available; C -> op1 (age 14s, idle 0s, 1 waiting, 1 eligible); dial op1 for C/1
            0m21s   bridge C/1; C talks with op1
            0m30s   hang up C/1 (peer_gone); C ends (answered, waited 15s, talked 9s); op1 available; A -> op1 (age 30s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
        "#]],
    );
}

#[test]
fn calls_go_to_those_who_prefer_them_before_those_who_are_idle_longest() {
    check_with(
        |config| {
            config.operators[0].queues = vec![0];
            config.operators[0].levels = vec![2];
        },
        "0s op1 on; 5s op2 on; 9s A calls; B calls",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m05s   op2 paused (not_ready)
            0m05s   op2 available
            0m09s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op2 (age 0s, idle 4s, 1 waiting, 2 eligible); dial op2 for A/1
            0m09s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 9s, 1 waiting, 1 eligible); dial op1 for B/1
        "#]],
    );
}

#[test]
fn a_head_start_passes_later_arrivals_only() {
    check_with(
        |config| {
            config.schedule.windows[0].lines = 1;
            config.queues.push(QueueConfig {
                head_start: seconds(60),
                ..queue()
            });
        },
        "0s A calls; 10s B calls; 40s C calls; 1m9s D calls queue 1; 1m11s E calls queue 1; 2m A hangs up; D hangs up; B hangs up; E hangs up",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m10s   B has ticket 2; B answered; B hears hold_music
            0m40s   C has ticket 3; C answered; C hears hold_music
            1m09s   D has ticket 4; D answered; D hears hold_music
            1m11s   E has ticket 5; E answered; E hears hold_music
            2m00s   A ends (abandoned, waited 120s); D has a line
            2m00s   D ends (abandoned, waited 51s); B has a line
            2m00s   B ends (abandoned, waited 110s); E has a line
            2m00s   E ends (abandoned, waited 49s); C has a line
        "#]],
    );
}

#[test]
fn who_rings_again_gets_the_same_operator_if_free() {
    check_with(
        |config| config.queues[0].sticky = seconds(600),
        "0s op1 on; A calls; op1 answers; 5s op2 on; 30s A hangs up; 40s A2 calls as A; op1 answers; 50s A2 hangs up; 11m A3 calls as A",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m05s   op2 paused (not_ready)
            0m05s   op2 available
            0m30s   hang up A/1 (peer_gone); A ends (answered, talked 30s); op1 available
            0m40s   A2 has ticket 2; A2 answered; A2 hears hold_music; A2 has a line; A2 -> op1 (age 0s, idle 10s, 1 waiting, 2 eligible); dial op1 for A2/1
            0m40s   bridge A2/1; A2 talks with op1
            0m50s   hang up A2/1 (peer_gone); A2 ends (answered, talked 10s); op1 available
            11m00s  A3 has ticket 3; A3 answered; A3 hears hold_music; A3 has a line; A3 -> op2 (age 0s, idle 655s, 1 waiting, 2 eligible); dial op2 for A3/1
        "#]],
    );
}

#[test]
fn the_same_operator_is_a_wish_and_nobody_waits_for_it() {
    check_with(
        |config| config.queues[0].sticky = seconds(60),
        "0s op1 on; A calls; op1 answers; 30s A hangs up; B calls; 31s op2 on; 32s A2 calls as A; op2 answers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m30s   hang up A/1 (peer_gone); A ends (answered, talked 30s); op1 available
            0m30s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            0m31s   op2 paused (not_ready)
            0m31s   op2 available
            0m32s   A2 has ticket 3; A2 answered; A2 hears hold_music; A2 has a line; A2 -> op2 (age 0s, idle 1s, 1 waiting, 1 eligible); dial op2 for A2/1
            0m32s   bridge A2/1; A2 talks with op2
        "#]],
    );
}

#[test]
fn the_least_occupied_is_chosen() {
    check_with(
        |config| config.queues[0].strategy = Strategy::LeastOccupied,
        "0s op1 on; 1m op2 on; A calls; op1 answers; B calls; op2 answers; 70s A hangs up; 75s B hangs up; 2m C calls",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            1m00s   op2 paused (not_ready)
            1m00s   op2 available
            1m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 60s, 1 waiting, 2 eligible); dial op1 for A/1
            1m00s   bridge A/1; A talks with op1
            1m00s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op2 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op2 for B/1
            1m00s   bridge B/1; B talks with op2
            1m10s   hang up A/1 (peer_gone); A ends (answered, talked 10s); op1 available
            1m15s   hang up B/1 (peer_gone); B ends (answered, talked 15s); op2 available
            2m00s   C has ticket 3; C answered; C hears hold_music; C has a line; C -> op1 (age 0s, idle 50s, 1 waiting, 2 eligible); dial op1 for C/1
        "#]],
    );
}

#[test]
fn a_rest_ends_by_the_clock() {
    check_with(
        |config| config.operators[0].rest = seconds(30),
        "0s op1 on; A calls; 2s op1 declines; 40s op1 busy; 45s op1 unregisters; 2m wait; 3m op1 registers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m02s   A back from op1 (failed:declined); op1 paused (declined)
            0m32s   op1 available; A -> op1 (age 32s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/2
            0m40s   A back from op1 (failed:busy); op1 paused (phone_busy)
            1m10s   op1 paused (phone_gone)
            3m00s   op1 available; A -> op1 (age 180s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/3
        "#]],
    );
}

#[test]
fn a_rest_ends_by_the_operator_and_then_the_clock_has_no_say() {
    check_with(
        |config| config.operators[0].rest = seconds(30),
        "0s op1 on; A calls; 2s op1 declines; 5s op1 pauses; 1m wait",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m02s   A back from op1 (failed:declined); op1 paused (declined)
            0m05s   op1 paused (chosen:0)
        "#]],
    );
}
