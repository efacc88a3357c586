//! What commands come to, by who sends them.

use super::*;
use crate::auth::SupervisorId;
use crate::config::Account;
use crate::secret::Secret;
use acd::Timestamp;

const CHIEF: Role = Role::Supervisor(SupervisorId(0));

fn directory() -> Directory {
    let account = |name: &str| Account {
        name: name.into(),
        secret: Secret::default(),
    };
    Directory {
        operators: vec![account("1001"), account("1002")],
        supervisors: vec![account("anna")],
        pause_reasons: vec!["lunch".into(), "training".into()],
        ..Directory::default()
    }
}

#[test]
fn commands_become_inputs() {
    const ANNE: OperatorId = OperatorId(0);
    const BERT: OperatorId = OperatorId(1);
    let anne = Role::Operator(ANNE);
    let training = PauseReason::Chosen(1);
    let table = [
        (
            anne,
            r#"{"id":"1","do":"ready"}"#,
            Ok(Input::Ready { operator: ANNE }),
        ),
        (
            anne,
            r#"{"id":"1","do":"ready","operator":"1001"}"#,
            Ok(Input::Ready { operator: ANNE }),
        ),
        (
            anne,
            r#"{"id":"1","do":"ready","operator":"1002"}"#,
            Err(Refusal::NotSignedIn),
        ),
        (
            anne,
            r#"{"id":"1","do":"ready","shiny":{"new":[1]}}"#,
            Ok(Input::Ready { operator: ANNE }),
        ),
        (
            CHIEF,
            r#"{"id":"1","do":"sign_off","operator":"1002"}"#,
            Ok(Input::SignOff { operator: BERT }),
        ),
        (
            CHIEF,
            r#"{"id":"1","do":"sign_off"}"#,
            Err(Refusal::UnknownOperator),
        ),
        (
            CHIEF,
            r#"{"id":"1","do":"sign_off","operator":"1003"}"#,
            Err(Refusal::UnknownOperator),
        ),
        (
            Role::Wallboard,
            r#"{"id":"1","do":"sign_on","operator":"1001"}"#,
            Err(Refusal::NotSignedIn),
        ),
        (
            anne,
            r#"{"id":"1","do":"pause","reason":"training"}"#,
            Ok(Input::Pause {
                operator: ANNE,
                reason: training,
            }),
        ),
        (
            anne,
            r#"{"id":"1","do":"pause","reason":"nap"}"#,
            Err(Refusal::UnknownPauseReason),
        ),
        (
            anne,
            r#"{"id":"1","do":"hold","on":true}"#,
            Ok(Input::Hold {
                operator: ANNE,
                on: true,
            }),
        ),
        (
            anne,
            r#"{"id":"1","do":"transfer","to":"1002"}"#,
            Ok(Input::Transfer {
                operator: ANNE,
                to: BERT,
            }),
        ),
        (
            anne,
            r#"{"id":"1","do":"transfer_outside","number":"+8613900000001"}"#,
            Ok(Input::TransferOutside {
                operator: ANNE,
                number: CallerNumber::new("+8613900000001"),
            }),
        ),
        (
            anne,
            r#"{"id":"1","do":"transfer_outside","number":"139;x@evil"}"#,
            Err(Refusal::NotANumber),
        ),
        (
            CHIEF,
            r#"{"id":"1","do":"consult_outside","number":"110","operator":"1002"}"#,
            Ok(Input::ConsultOutside {
                operator: BERT,
                number: CallerNumber::new("110"),
            }),
        ),
        (
            anne,
            r#"{"id":"1","do":"consult_outside","number":"anne@elsewhere"}"#,
            Err(Refusal::NotANumber),
        ),
        (
            Role::Wallboard,
            r#"{"id":"1","do":"transfer_outside","number":"139","operator":"1001"}"#,
            Err(Refusal::NotSignedIn),
        ),
        (
            CHIEF,
            r#"{"id":"1","do":"consult","to":"1001","operator":"1002"}"#,
            Ok(Input::Consult {
                operator: BERT,
                to: ANNE,
            }),
        ),
        (
            anne,
            r#"{"id":"1","do":"consult","to":"1003"}"#,
            Err(Refusal::UnknownTarget),
        ),
        (
            anne,
            r#"{"id":"1","do":"complete_transfer","operator":"1002"}"#,
            Err(Refusal::NotSignedIn),
        ),
        (
            Role::Wallboard,
            r#"{"id":"1","do":"hang_up","operator":"1001"}"#,
            Err(Refusal::NotSignedIn),
        ),
        (
            CHIEF,
            r#"{"id":"1","do":"set_lines","lines":6,"until":1763906400000}"#,
            Ok(Input::SetLines {
                lines: 6,
                until: Timestamp::from_secs(1_763_906_400),
            }),
        ),
        (
            CHIEF,
            r#"{"id":"1","do":"follow_schedule"}"#,
            Ok(Input::FollowSchedule),
        ),
    ];
    for (role, text, expected) in table {
        let came = Command::parse(text).and_then(|command| command.action.input(role, &directory()));
        assert_eq!(came, expected, "{role:?} sent {text}");
    }
}

#[test]
fn operators_speak_for_themselves_and_supervisors_for_anybody() {
    let (anne, bert) = (OperatorId(0), OperatorId(1));
    let table = [
        (Role::Operator(anne), None, Ok(anne)),
        (Role::Operator(anne), Some("1001"), Ok(anne)),
        (Role::Operator(anne), Some("1002"), Err(Refusal::NotSignedIn)),
        (CHIEF, Some("1002"), Ok(bert)),
        (CHIEF, Some("1003"), Err(Refusal::UnknownOperator)),
        (CHIEF, None, Err(Refusal::UnknownOperator)),
        (Role::Wallboard, Some("1002"), Err(Refusal::NotSignedIn)),
        (Role::Wallboard, None, Err(Refusal::NotSignedIn)),
    ];
    for (role, named, expected) in table {
        assert_eq!(
            subject(named, role, &directory()),
            expected,
            "{role:?} for {named:?}"
        );
    }
}

#[test]
fn only_supervisors_listen_and_they_say_where() {
    let directory = |phones: &[&str]| Directory {
        phones: phones.iter().map(|&phone| phone.to_owned()).collect(),
        ..directory()
    };
    let listen = Some(SupervisorMode::Listen);
    let order = |phone: &str, mode| {
        Ok(Supervise {
            operator: OperatorId(1),
            shown: "1002".into(),
            phone: phone.into(),
            mode,
        })
    };
    for (role, operator, phone, phones, mode, expected) in [
        (CHIEF, "1002", None, &["9001"][..], listen, order("9001", listen)),
        (
            CHIEF,
            "1002",
            Some("9002"),
            &["9001", "9002"],
            listen,
            order("9002", listen),
        ),
        (CHIEF, "1002", None, &["9001", "9002"], None, order("", None)),
        (
            CHIEF,
            "1002",
            None,
            &["9001", "9002"],
            listen,
            Err(Refusal::UnknownPhone),
        ),
        (
            CHIEF,
            "1002",
            None,
            &["9001", "anna"],
            listen,
            order("anna", listen),
        ),
        (
            CHIEF,
            "1002",
            Some("1001"),
            &["9001"],
            listen,
            Err(Refusal::UnknownPhone),
        ),
        (CHIEF, "1002", None, &[], listen, Err(Refusal::UnknownPhone)),
        (
            CHIEF,
            "1003",
            None,
            &["9001"],
            listen,
            Err(Refusal::UnknownOperator),
        ),
        (
            Role::Operator(OperatorId(1)),
            "1002",
            None,
            &["9001"],
            listen,
            Err(Refusal::NotSignedIn),
        ),
        (
            Role::Wallboard,
            "1002",
            None,
            &["9001"],
            None,
            Err(Refusal::NotSignedIn),
        ),
    ] {
        let came = supervise(operator, phone, mode, role, &directory(phones));
        assert_eq!(came, expected, "{role:?} {operator} {phone:?} of {phones:?}");
    }
}

#[test]
fn only_a_supervisor_orders_lines() {
    let orders = [
        r#"{"id":"1","do":"set_lines","lines":6,"until":1763906400000}"#,
        r#"{"id":"1","do":"set_lines","lines":-1,"until":0}"#,
        r#"{"id":"1","do":"follow_schedule"}"#,
        r#"{"id":"1","do":"follow_schedule","operator":"1001"}"#,
    ];
    for role in [Role::Wallboard, Role::Operator(OperatorId(0))] {
        for text in orders {
            let came = Command::parse(text).and_then(|command| command.action.input(role, &directory()));
            assert_eq!(came, Err(Refusal::NotSignedIn), "{role:?} sent {text}");
        }
    }
}

#[test]
fn garbage_is_refused() {
    let long = format!(r#"{{"id":"{}","do":"ready"}}"#, "x".repeat(65));
    let table = [
        "",
        "{}",
        "null",
        "[]",
        r#"{"id":1,"do":"ready"}"#,
        r#"{"id":"1","do":"jump"}"#,
        r#"{"id":"1","do":"set_lines","lines":"six","until":1763906400000}"#,
        r#"{"id":"1","do":"set_lines","lines":6.5,"until":1763906400000}"#,
        r#"{"id":"1","do":"set_lines","lines":6}"#,
        r#"{"id":"1","do":"set_lines","until":1763906400000}"#,
        r#"{"id":"1","do":"pause"}"#,
        r#"{"id":"1","do":"record"}"#,
        r#"{"id":"1","do":"explain"}"#,
        r#"{"id":"","do":"ready"}"#,
        &long,
    ];
    for text in table {
        let refusal = Command::parse(text).unwrap_err();
        assert_eq!(refusal.code(), "malformed", "{text}");
    }
}
