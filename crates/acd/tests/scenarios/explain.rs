//! Why a call waits, as data.

use crate::script::{check, check_with, queue};
use acd::{QueueConfig, Skills};
use expect_test::expect;
use std::time::Duration;

#[test]
fn for_a_line() {
    check_with(
        |config| config.schedule.windows[0].lines = 1,
        "0s A..C call; 60s explain C; 70s A hangs up; explain B; explain C",
        expect![[r#"
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line
            0m00s   B has ticket 2; B answered; B hears hold_music
            0m00s   C has ticket 3; C answered; C hears hold_music
                    C waits for for:line,in_force:1,in_use:1,next_change:1795428000000000,next_lines:4; 2 before, first ["A", "B"]; at most 1740s
            1m10s   A ends (abandoned, waited 70s); B has a line
                    B waits for for:operator,may:9,busy:0,paused:0,relaxes:null; 0 before, first []; at most 1730s
                    C waits for for:line,in_force:1,in_use:1,next_change:1795428000000000,next_lines:4; 1 before, first ["B"]; at most 1730s
        "#]],
    );
}

#[test]
fn for_an_operator_with_the_skill() {
    check_with(
        |config| {
            config.queues.push(QueueConfig {
                skills: Skills(1),
                relax_after: Duration::from_secs(90),
                ..queue()
            });
            config.operators[1].skills = Skills(1);
            config.operators[2].skills = Skills(1);
        },
        "0s op1 on; op2 on; A calls queue 1; op2 answers; B calls queue 1; 10s op3 signs on; 20s explain B; C calls; 30s explain C",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   op2 paused (not_ready)
            0m00s   op2 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op2 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op2 for A/1
            0m00s   bridge A/1; A talks with op2
            0m00s   B has ticket 2; B answered; B hears hold_music; B has a line
            0m10s   op3 paused (not_ready)
                    B waits for for:operator,may:2,busy:1,paused:1,relaxes:1795395690000000; 0 before, first []; at most 1780s
            0m20s   C has ticket 3; C answered; C hears hold_music; C has a line; C -> op1 (age 0s, idle 20s, 1 waiting, 1 eligible, past B); dial op1 for C/1
                    C waits for for:answer,operator:0,until:1795395640000000; 0 before, first ["B"]; at most 1790s
        "#]],
    );
}

#[test]
fn for_the_phone_to_be_picked_up_and_then_for_nothing() {
    check(
        "0s op1 on; A calls; 5s explain A; op1 answers; explain A",
        expect![[r#"
            0m00s   op1 paused (not_ready)
            0m00s   op1 available
            0m00s   A has ticket 1; A answered; A hears hold_music; A has a line; A -> op1 (age 0s, idle 0s, 1 waiting, 1 eligible); dial op1 for A/1
                    A waits for for:answer,operator:0,until:1795395620000000; 0 before, first []; at most 1795s
            0m05s   bridge A/1; A talks with op1
                    A waits for nothing
        "#]],
    );
}
