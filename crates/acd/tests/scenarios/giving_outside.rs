//! Calls that operators give to numbers outside.

use crate::script::check_with;
use acd::{AcdConfig, TransferRule, TrunkId};
use expect_test::expect;
use std::time::Duration;

pub(crate) fn to_mobiles(config: &mut AcdConfig) {
    config.queues[0].wrap_up = Duration::from_secs(30);
    config.transfer = Some(TransferRule {
        trunk: TrunkId(0),
        numbers: vec!["13*".into(), "110".into()],
        ring_timeout: Duration::from_secs(25),
    });
}

pub(crate) fn one_line(config: &mut AcdConfig) {
    to_mobiles(config);
    config.schedule.windows[0].lines = 1;
}

#[test]
fn who_is_answered_outside_frees_the_line() {
    check_with(
        one_line,
        "op1 on; A calls; 5s op1 answers; B calls; 65s op1 gives to 13900; 70s other rings A/2; other answers A/2
         100s other hangs up A/2",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m05s   bridge A/1; A talks with op1
            0m05s   B has ticket 2; B answered; B hears hold_music
            1m05s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2; hang up A/1 (ended); A from op1 to 13900; op1 wraps up for 30s
            1m10s   bridge A/2; A is with 13900; B has a line
            1m35s   op1 available; B -> op1 (age 90s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            1m40s   hang up A/0 (peer_gone); A ends (answered, waited 5s, talked 60s)
        "#]],
    );
}

#[test]
fn who_is_not_answered_outside_stands_where_they_stood() {
    check_with(
        to_mobiles,
        "op1 on; A calls; op1 answers; 10s op1 gives to 13900; 12s B calls; 20s other busy A/2; 22s op2 on; op2 answers
         30s op2 gives to 110; 56s op2 ready; op2 answers; 60s A hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2; hang up A/1 (ended); A from op1 to 13900; op1 wraps up for 30s
            0m12s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m20s   A back from outside (failed:busy)
            0m22s   op2 paused (not_ready)
            0m22s   op2 available; A -> op2 (age 22s, idle 0s, 2 waiting, 1 eligible); dial op2 for A/3
            0m22s   bridge A/3; A talks with op2
            0m30s   A hears hold_music; A/3 hears it ring; A with 110 (ringing); A on hold; dial 110 for A/4; hang up A/3 (ended); A from op2 to 110; op2 wraps up for 30s
            0m40s   op1 available; B -> op1 (age 28s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            0m55s   hang up A/4 (ring_timeout); A back from outside (no_answer)
            0m56s   op2 available; A -> op2 (age 56s, idle 0s, 1 waiting, 1 eligible); dial op2 for A/5
            0m56s   bridge A/5; A talks with op2
            1m00s   hang up B/1 (ring_timeout); B back from op1 (no_answer); op1 available; B -> op1 (age 48s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/2
            1m00s   hang up A/5 (peer_gone); A ends (answered, talked 22s); op2 wraps up for 30s
        "#]],
    );
}

#[test]
fn a_caller_who_hangs_up_stops_the_phone_outside() {
    check_with(
        |config| {
            to_mobiles(config);
            config.queues[0].place_grace = Duration::from_secs(60);
        },
        "op1 on; A calls; op1 answers; 10s op1 gives to 13900; explain A; 15s A hangs up; other answers A/2
         40s op1 ready; B calls; op1 answers; op1 gives to 13900; other answers B/2; 50s B hangs up",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m10s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2; hang up A/1 (ended); A from op1 to 13900; op1 wraps up for 30s
                    A waits for for:outside,until:1795395635000000; 0 before, first []; at most 1800s
            0m15s   hang up A/2 (peer_gone); A ends (answered, talked 10s, place kept)
            0m15s   hang up A/2 (elsewhere)
            0m40s   op1 available
            0m40s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            0m40s   bridge B/1; B talks with op1
            0m40s   B hears hold_music; B/1 hears it ring; B with 13900 (ringing); B on hold; dial 13900 for B/2; hang up B/1 (ended); B from op1 to 13900; op1 wraps up for 30s
            0m40s   bridge B/2; B is with 13900
            0m50s   hang up B/2 (peer_gone); B ends (answered)
        "#]],
    );
}

#[test]
fn only_numbers_that_are_allowed_are_dialled() {
    check_with(
        to_mobiles,
        "op1 gives to 13900; op1 on; op2 on; A calls; op1 answers; op1 gives to 14000; op1 gives to 1100
         op1 consults op2; op1 gives to 13900",
        expect![[r#"
            0m00s   op1 refused (not_talking)
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   op1 refused (number_not_allowed)
            0m00s   op1 refused (number_not_allowed)
            0m00s   A hears hold_music; A/1 hears it ring; A with op2 (ringing); A on hold; dial op2 for A/2
            0m00s   op1 refused (asked_already)
        "#]],
    );
    check_with(
        |_| {},
        "op1 on; A calls; op1 answers; op1 gives to 13900",
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
fn the_end_of_the_engine_ends_calls_outside() {
    check_with(
        to_mobiles,
        "op1 on; op2 on; A calls; op1 answers; B calls; op2 answers; op1 gives to 13900; op2 gives to 110
         other answers A/2; 5s hang up all",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 2 eligible); dial op1 for A/1
            0m00s   bridge A/1; A talks with op1
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line; B -> op2 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op2 for B/1
            0m00s   bridge B/1; B talks with op2
            0m00s   A hears hold_music; A/1 hears it ring; A with 13900 (ringing); A on hold; dial 13900 for A/2; hang up A/1 (ended); A from op1 to 13900; op1 wraps up for 30s
            0m00s   B hears hold_music; B/1 hears it ring; B with 110 (ringing); B on hold; dial 110 for B/2; hang up B/1 (ended); B from op2 to 110; op2 wraps up for 30s
            0m00s   bridge A/2; A is with 13900
            0m05s   draining; hang up A/2 (shutdown); hang up A/0 (shutdown); A ends (answered); hang up B/2 (shutdown); hang up B/0 (shutdown); B ends (answered)
        "#]],
    );
}
