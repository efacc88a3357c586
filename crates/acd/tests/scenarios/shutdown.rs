//! Stopping: new calls are refused, those that are up may end.

use crate::script::{check, check_with};
use expect_test::expect;
use std::time::Duration;

#[test]
fn draining_refuses_new_calls_and_serves_those_that_wait() {
    check(
        "0s op1 on; A calls; B calls; op1 answers; 5s drain; 6s C calls; 9s A hangs up; 10s op1 answers",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m00s   bridge A/1; A talks with op1
            0m05s   draining
            0m06s   C has ticket 3; C refused (rejected, retry after 60s); C ends (rejected)
            0m09s   hang up A/1 (peer_gone); A ends (answered, talked 9s); op1 available; B -> op1 (age 9s, idle 0s, 1 waiting, 1 eligible); dial op1 for B/1
            0m10s   bridge B/1; B talks with op1
        "#]],
    );
}

#[test]
fn hanging_up_all_ends_each_call_once_and_keeps_places() {
    check_with(
        |config| {
            config.queues[0].place_grace = Duration::from_secs(60);
            config.queues[0].wait_max = Duration::from_secs(40);
            config.schedule.windows[0].lines = 3;
        },
        "0s D calls; 30s op1 on; op2 on; A calls; B calls; C calls; E calls; op1 answers; 45s hang up all; drain; 46s A hangs up",
        expect![[r#"
            0m00s   D has ticket 1; D answered; D hears hold_music; D has a line
            0m30s   op1 paused (not_ready)
            0m30s   op1 available; D -> op1 (age 30s, idle 0s, 1 waiting, 1 eligible); dial op1 for D/1
            0m30s   op2 paused (not_ready)
            0m30s   op2 available
            0m30s   A has ticket 2; A answered; A hears hold_music; A has a line; A -> op2 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op2 for A/1
            0m30s   B has ticket 3; B answered; B hears hold_music; B has a line
            0m30s   C has ticket 4; C answered; C hears hold_music
            0m30s   E has ticket 5; E answered; E hears hold_music
            0m30s   bridge D/1; D talks with op1
            0m45s   draining; hang up D/1 (shutdown); hang up D/0 (shutdown); D ends (answered, waited 30s, talked 15s); op1 available; hang up A/1 (shutdown); hang up A/0 (shutdown); A ends (rejected, waited 15s, place kept); op2 available; hang up B/0 (shutdown); B ends (rejected, waited 15s, place kept); hang up C/0 (shutdown); C ends (rejected, waited 15s, place kept); hang up E/0 (shutdown); E ends (rejected, waited 15s, place kept)
        "#]],
    );
}
