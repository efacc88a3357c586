//! Thousands of calls that end in every way there is: nothing of them may be left in any table.

mod common;

use acd::{CallerNumber, FailCause, GoneCause, HangUpCause, LegId, OperatorId, Outcome};
use common::{Call, Msg, Peer, Rig, config, register, sdp};
use sip::{Accepted, SipConfig, SipEvent, Transport};
use std::time::Duration;

/// Each lane is an edge with a caller and a phone of its own.
const LANES: usize = 4;
/// How often each lane goes through all endings.
const ROUNDS: usize = 60;

struct Lane {
    rig: Rig,
    caller: Peer,
    phone: Peer,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Refused,
    EngineFull,
    CancelledAtOnce,
    CancelledInEarlyMedia,
    ByeByCaller,
    ByeByUs,
    ByeBeforeAck,
    CancelCrossesAnswer,
    HungUpUnanswered,
    Merged,
    OperatorDeclines,
    OperatorHangsUp,
    OperatorHungUp,
    OperatorCancelled,
    OperatorAnswerCrossesCancel,
    OperatorForks,
    BothLegs,
}

const ENDINGS: [Ending; 17] = [
    Ending::Refused,
    Ending::EngineFull,
    Ending::CancelledAtOnce,
    Ending::CancelledInEarlyMedia,
    Ending::ByeByCaller,
    Ending::ByeByUs,
    Ending::ByeBeforeAck,
    Ending::CancelCrossesAnswer,
    Ending::HungUpUnanswered,
    Ending::Merged,
    Ending::OperatorDeclines,
    Ending::OperatorHangsUp,
    Ending::OperatorHungUp,
    Ending::OperatorCancelled,
    Ending::OperatorAnswerCrossesCancel,
    Ending::OperatorForks,
    Ending::BothLegs,
];

impl Lane {
    async fn start() -> Lane {
        let config = SipConfig {
            t1: Duration::from_millis(400),
            ..config()
        };
        let full = |event: &SipEvent| match event {
            SipEvent::CallArrived { caller, .. } if caller.reveal() == "full" => Accepted::No,
            _ => Accepted::Yes,
        };
        let mut rig = Rig::start_with(config, full).await;
        let addr = rig.addr(Transport::Udp);
        let (caller, phone) = (Peer::udp(addr).await, Peer::udp(addr).await);
        assert_eq!(register(&phone, "101", "MD5", "").await.status(), 200);
        assert_eq!(
            rig.event().await,
            SipEvent::PhoneRegistered {
                operator: OperatorId(0)
            }
        );
        Lane { rig, caller, phone }
    }

    async fn end(&mut self, ending: Ending) {
        match ending {
            Ending::OperatorDeclines
            | Ending::OperatorHangsUp
            | Ending::OperatorHungUp
            | Ending::OperatorCancelled
            | Ending::OperatorAnswerCrossesCancel
            | Ending::OperatorForks => self.end_operator(ending).await,
            _ => self.end_caller(ending).await,
        }
    }

    async fn end_caller(&mut self, ending: Ending) {
        let Lane { rig, caller, phone } = self;
        let mut call = Call::new(caller, "hotline");
        if matches!(ending, Ending::EngineFull) {
            call.from = call.from.replace("13800138000", "full");
        }
        let invite = call.request("INVITE", "", &sdp(40_000));
        caller.send(&invite).await;
        let id = rig.arrival().await;
        let gone = SipEvent::CallerGone {
            call: id,
            cause: GoneCause::HungUp,
        };
        match ending {
            Ending::Refused => {
                rig.sip.refuse(id, Outcome::Saturated, None);
                call.ack_refusal(&caller.expect(486).await).await;
            }
            Ending::EngineFull => call.ack_refusal(&caller.expect(503).await).await,
            Ending::CancelledAtOnce | Ending::CancelledInEarlyMedia => {
                caller.expect(100).await;
                if matches!(ending, Ending::CancelledInEarlyMedia) {
                    rig.sip.early_media(id);
                    caller.expect(183).await;
                }
                call.send("CANCEL", "", "").await;
                let responses = [caller.recv().await, caller.recv().await];
                let refused = responses.iter().find(|r| r.status() == 487).expect("487");
                call.ack_refusal(refused).await;
                assert_eq!(rig.event().await, gone);
            }
            Ending::ByeByCaller => {
                rig.sip.answer(id);
                call.answered().await;
                call.bye().await;
                assert_eq!(rig.event().await, gone);
            }
            Ending::ByeByUs => {
                rig.sip.answer(id);
                call.answered().await;
                rig.sip.hang_up(LegId::caller(id), HangUpCause::Ended);
                let bye = caller.expect_request("BYE").await;
                caller.respond(&bye, 200, "", "", "").await;
            }
            Ending::ByeBeforeAck => {
                rig.sip.answer(id);
                call.learn(&caller.expect(200).await);
                call.bye().await;
                assert_eq!(rig.event().await, gone);
            }
            Ending::CancelCrossesAnswer => {
                rig.sip.answer(id);
                let ok = caller.expect(200).await;
                call.send("CANCEL", "", "").await;
                caller.expect(200).await;
                call.learn(&ok);
                call.send("ACK", "", "").await;
                call.bye().await;
                assert_eq!(rig.event().await, gone);
            }
            Ending::HungUpUnanswered => {
                rig.sip.hang_up(LegId::caller(id), HangUpCause::Ended);
                call.ack_refusal(&caller.expect(480).await).await;
            }
            Ending::Merged => {
                caller.send(&invite.replace(&call.branch, "z9hG4bKmerged")).await;
                caller.expect(482).await;
                rig.sip.refuse(id, Outcome::Closed, None);
                call.ack_refusal(&caller.expect(480).await).await;
            }
            _ => {
                let leg = LegId { call: id, leg: 1 };
                let invite = ring(rig, phone, leg).await;
                pick_up(rig, phone, leg, &invite).await;
                rig.sip.answer(id);
                call.answered().await;
                call.bye().await;
                assert_eq!(rig.event().await, gone);
                hang_up(rig, phone, leg).await;
            }
        }
    }

    async fn end_operator(&mut self, ending: Ending) {
        let leg = LegId {
            call: acd::CallId(1_000_000),
            leg: 1,
        };
        let Lane { rig, phone, .. } = self;
        let invite = ring(rig, phone, leg).await;
        match ending {
            Ending::OperatorDeclines => {
                phone.respond(&invite, 603, "op", "", "").await;
                phone.expect_request("ACK").await;
                assert_eq!(
                    rig.event().await,
                    SipEvent::Failed {
                        leg,
                        cause: FailCause::Declined
                    }
                );
            }
            Ending::OperatorHangsUp => {
                pick_up(rig, phone, leg, &invite).await;
                Call::callee(phone, &invite, "op").bye().await;
                assert_eq!(rig.event().await, SipEvent::Gone { leg });
            }
            Ending::OperatorHungUp => {
                pick_up(rig, phone, leg, &invite).await;
                hang_up(rig, phone, leg).await;
            }
            Ending::OperatorForks => {
                pick_up(rig, phone, leg, &invite).await;
                phone.respond(&invite, 200, "fork", "", &sdp(42_000)).await;
                phone.expect_request("ACK").await;
                let bye = phone.expect_request("BYE").await;
                phone.respond(&bye, 200, "", "", "").await;
                hang_up(rig, phone, leg).await;
            }
            _ => {
                rig.sip.hang_up(leg, HangUpCause::Elsewhere);
                let cancel = phone.expect_request("CANCEL").await;
                phone.respond(&cancel, 200, "op", "", "").await;
                let crosses = matches!(ending, Ending::OperatorAnswerCrossesCancel);
                let (status, body) = if crosses {
                    (200, sdp(41_000))
                } else {
                    (487, String::new())
                };
                phone.respond(&invite, status, "op", "", &body).await;
                phone.expect_request("ACK").await;
                if crosses {
                    let bye = phone.expect_request("BYE").await;
                    phone.respond(&bye, 200, "", "", "").await;
                }
            }
        }
    }
}

async fn ring(rig: &mut Rig, phone: &Peer, leg: LegId) -> Msg {
    rig.sip.dial(leg, OperatorId(0), CallerNumber::new("13800138000"));
    let invite = phone.expect_request("INVITE").await;
    phone.respond(&invite, 180, "op", "", "").await;
    assert_eq!(rig.event().await, SipEvent::Ringing { leg });
    invite
}

async fn pick_up(rig: &mut Rig, phone: &Peer, leg: LegId, invite: &Msg) {
    phone.respond(invite, 200, "op", "", &sdp(41_000)).await;
    phone.expect_request("ACK").await;
    assert_eq!(rig.event().await, SipEvent::Answered { leg });
}

async fn hang_up(rig: &Rig, phone: &Peer, leg: LegId) {
    rig.sip.hang_up(leg, HangUpCause::PeerGone);
    let bye = phone.expect_request("BYE").await;
    phone.respond(&bye, 200, "", "", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_thousands_of_calls() {
    let lanes = (0..LANES).map(|lane| {
        tokio::spawn(async move {
            let mut lane_of = Lane::start().await;
            for round in 0..ROUNDS {
                // Each round starts elsewhere, so that every ending follows every other.
                for step in 0..ENDINGS.len() {
                    lane_of
                        .end(ENDINGS[(step * (1 + round % 16) + lane) % ENDINGS.len()])
                        .await;
                }
            }
            lane_of.rig.empty().await;
            lane_of.rig.quiet();
            for gauge in ["holdfast_sip_legs", "holdfast_sip_dialogs"] {
                assert_eq!(lane_of.rig.metric(gauge, ""), 0.0, "{gauge}");
            }
            assert_eq!(lane_of.rig.metric("holdfast_sip_panics_total", ""), 0.0);
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a lane");
    }
}
