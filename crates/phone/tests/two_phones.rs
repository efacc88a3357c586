//! Two phones that call each other directly: what the phone says of a call is what the other one did.

use phone::{Call, CallState, Codec, Phone, PhoneConfig, Transport};
use std::net::SocketAddr;
use std::time::Duration;

const LENGTH: Duration = Duration::from_millis(300);
const WITHIN: Duration = Duration::from_secs(10);

/// A phone that is called, and one that calls it.
async fn pair(transport: Transport, anywhere: &str, codec: Codec) -> (Phone, Phone) {
    let nowhere: SocketAddr = anywhere.parse().unwrap();
    let callee = PhoneConfig {
        transport,
        ..PhoneConfig::new("callee", nowhere)
    };
    let callee = Phone::start(callee).await.unwrap();
    let caller = PhoneConfig {
        transport,
        codec,
        ..PhoneConfig::new("caller", callee.address())
    };
    (Phone::start(caller).await.unwrap(), callee)
}

async fn connected(caller: &Phone, callee: &Phone) -> (Call, Call) {
    let mut calling = caller.call("callee", Some("13800000001")).await.unwrap();
    let incoming = callee.rung().await.unwrap();
    assert_eq!(incoming.caller(), "13800000001");
    incoming.ringing();
    assert_eq!(
        calling.wait_for(|s| s == CallState::Ringing(180)).await,
        CallState::Ringing(180)
    );
    let mut called = incoming.answer().unwrap();
    assert_eq!(calling.settled().await, CallState::Talking);
    assert_eq!(called.settled().await, CallState::Talking);
    (calling, called)
}

async fn hears(call: &Call, hz: f64) -> bool {
    call.hear(LENGTH, WITHIN).await.share_at(hz) > 0.9
}

async fn call_and_listen(transport: Transport, anywhere: &str, codec: Codec) {
    let (caller, callee) = pair(transport, anywhere, codec).await;
    let (mut calling, mut called) = connected(&caller, &callee).await;
    calling.tone(440);
    called.tone(1_000);
    // The first packets may be from before the tone was set.
    calling.hear(LENGTH, WITHIN).await;
    called.hear(LENGTH, WITHIN).await;
    assert!(hears(&calling, 1_000.0).await);
    assert!(hears(&called, 440.0).await);
    assert_eq!(calling.hang_up().await, CallState::HungUp { by_peer: false });
    assert_eq!(called.over().await, CallState::HungUp { by_peer: true });
    assert_eq!((caller.dialogs(), callee.dialogs()), (0, 0));
}

#[tokio::test]
async fn each_hears_the_other_over_udp() {
    call_and_listen(Transport::Udp, "127.0.0.1:9", Codec::Pcma).await;
}

#[tokio::test]
async fn each_hears_the_other_over_tcp() {
    call_and_listen(Transport::Tcp, "127.0.0.1:9", Codec::Pcmu).await;
}

#[tokio::test]
async fn each_hears_the_other_over_ipv6() {
    call_and_listen(Transport::Udp, "[::1]:9", Codec::Pcmu).await;
}

#[tokio::test]
async fn the_called_side_can_hang_up() {
    let (caller, callee) = pair(Transport::Udp, "127.0.0.1:9", Codec::Pcma).await;
    let (mut calling, mut called) = connected(&caller, &callee).await;
    assert_eq!(called.hang_up().await, CallState::HungUp { by_peer: false });
    assert_eq!(calling.over().await, CallState::HungUp { by_peer: true });
    assert_eq!((caller.dialogs(), callee.dialogs()), (0, 0));
}

#[tokio::test]
async fn a_refusal_tells_its_status() {
    let (caller, callee) = pair(Transport::Udp, "127.0.0.1:9", Codec::Pcma).await;
    for status in [486, 603, 480] {
        let mut calling = caller.call("callee", None).await.unwrap();
        callee.rung().await.unwrap().decline(status);
        assert_eq!(
            calling.settled().await,
            CallState::Refused {
                status,
                retry_after: None
            }
        );
    }
    assert_eq!((caller.dialogs(), callee.dialogs()), (0, 0));
}

#[tokio::test]
async fn giving_up_stops_the_ringing() {
    let (caller, callee) = pair(Transport::Udp, "127.0.0.1:9", Codec::Pcma).await;
    let mut calling = caller.call("callee", None).await.unwrap();
    let mut incoming = callee.rung().await.unwrap();
    incoming.ringing();
    calling.wait_for(|s| s == CallState::Ringing(180)).await;
    assert_eq!(
        calling.hang_up().await,
        CallState::Refused {
            status: 487,
            retry_after: None
        }
    );
    incoming.gone().await;
    assert!(incoming.answer().is_err());
    assert_eq!((caller.dialogs(), callee.dialogs()), (0, 0));
}

#[tokio::test]
async fn hold_stops_one_way_and_resume_starts_it() {
    let (caller, callee) = pair(Transport::Udp, "127.0.0.1:9", Codec::Pcma).await;
    let (calling, called) = connected(&caller, &callee).await;
    called.tone(1_000);
    calling.hold(true).await.unwrap();
    assert!(called.is_held_by_peer());
    // What was on its way when the hold began may still arrive; then there is silence on the wire.
    calling.hear(LENGTH, Duration::from_millis(100)).await;
    assert_eq!(calling.hear(LENGTH, Duration::from_millis(200)).await.packets, 0);
    calling.hold(false).await.unwrap();
    assert!(!called.is_held_by_peer());
    assert!(hears(&calling, 1_000.0).await);
}
