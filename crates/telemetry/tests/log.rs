//! The log lines of events.

use acd::{
    CallId, CallerNumber, Event, LegId, OperatorId, OperatorState, Outcome, PauseReason, QueueId, ReturnCause,
};
use acd::{Refusal, Timestamp, TrunkId};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use telemetry::{Names, log_event};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What `event` writes at `debug` and above, without time and colour.
fn line(event: &Event) -> String {
    let names = Names {
        queues: vec!["hotline".into()],
        trunks: vec!["city".into()],
        operators: vec!["1001".into()],
        pause_reasons: vec!["lunch".into()],
    };
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .finish();
    tracing::subscriber::with_default(subscriber, || log_event(&names, event));
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().trim().to_owned()
}

const CALL: CallId = CallId(7);
const QUEUE: QueueId = QueueId(0);
const ANNE: OperatorId = OperatorId(0);
const LEG: LegId = LegId { call: CALL, leg: 1 };

#[test]
fn one_line_a_happening_with_the_call_and_no_number() {
    let second = Duration::from_secs(1);
    let table = [
        (
            Event::CallArrived {
                call: CALL,
                queue: QUEUE,
                trunk: TrunkId(0),
                caller: CallerNumber::new("13800138000"),
                ticket: 3,
                since: Timestamp::default(),
                resumed: false,
                skills: acd::Skills::default(),
            },
            r#"INFO call arrived call=7 queue="hotline" trunk="city" caller=138******00 ticket=3 resumed=false"#,
        ),
        (
            Event::CallAdmitted {
                call: CALL,
                queue: QUEUE,
                waited: second,
            },
            r#"INFO call admitted call=7 queue="hotline" waited_s=1.0"#,
        ),
        (
            Event::CallReturned {
                call: CALL,
                queue: QUEUE,
                operator: ANNE,
                cause: ReturnCause::NoAnswer,
                rang: second,
            },
            r#"INFO call returned call=7 operator="1001" cause=NoAnswer rang_s=1.0"#,
        ),
        (
            Event::CallHeld {
                call: CALL,
                held: true,
            },
            "INFO call held call=7",
        ),
        (
            Event::CallLeaving {
                call: CALL,
                queue: QUEUE,
                outcome: Outcome::TimedOut,
            },
            r#"INFO call leaving call=7 outcome="timed_out""#,
        ),
        (
            Event::MediaSilent { leg: LEG },
            "WARN no audio arrives call=7 leg=1",
        ),
        (
            Event::FifoOvertaken {
                call: CALL,
                by: CallId(8),
            },
            "ERROR call overtaken: report this with the journal call=7 by=8",
        ),
        (
            Event::OperatorChanged {
                operator: ANNE,
                state: OperatorState::Paused {
                    reason: PauseReason::Chosen(0),
                },
                after: second,
            },
            r#"INFO operator changed operator="1001" state="paused" reason="lunch" after_s=1.0"#,
        ),
        (
            Event::OperatorChanged {
                operator: ANNE,
                state: OperatorState::Talking { leg: LEG },
                after: second,
            },
            r#"INFO operator changed operator="1001" state="talking" call=7 after_s=1.0"#,
        ),
        (
            Event::Refused {
                operator: ANNE,
                refusal: Refusal::PhoneGone,
            },
            r#"INFO command refused operator="1001" refusal="phone_gone""#,
        ),
        (
            Event::PhoneChanged {
                operator: OperatorId(9),
                registered: false,
            },
            r#"INFO phone gone operator="unknown""#,
        ),
    ];
    for (event, expected) in table {
        assert_eq!(line(&event), expected, "{event:?}");
    }
}
