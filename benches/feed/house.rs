//! A feed over an empty queue, and events for it.

use acd::{CallId, CallerNumber, Event, QueueId, Snapshot, Timestamp, TrunkId};
use feed::{About, Directory, Feed, FeedConfig, Hub, Limits, Memory, Request, Requests, Thresholds};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// When all of it happens.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_763_888_400);

/// A call that arrives.
pub(crate) fn arrived(call: u64) -> Event {
    Event::CallArrived {
        call: CallId(call),
        queue: QueueId(0),
        trunk: TrunkId(0),
        caller: CallerNumber::new("13800138000"),
        ticket: call,
        since: START,
        resumed: false,
        skills: acd::Skills::default(),
    }
}

/// A feed on loopback that needs no sign-in to watch. The events change nothing in it: only their way is measured.
pub(crate) async fn serve(hub: &Hub) -> Feed {
    let empty = Arc::new(Snapshot {
        at: START,
        lines: 12,
        lines_in_use: 0,
        next_change: None,
        next_lines: None,
        draining: false,
        calls: Vec::new(),
        operators: Vec::new(),
    });
    let requests: Requests = Arc::new(move |request| match request {
        Request::Snapshot(reply) => reply.send((0, empty.clone())).is_ok(),
        Request::Command { .. }
        | Request::Explain { .. }
        | Request::Record { .. }
        | Request::Supervise { .. } => false,
    });
    let config = FeedConfig {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        tls: None,
        directory: Directory {
            queues: vec!["hotline".into()],
            trunks: vec!["city".into()],
            ..Directory::default()
        },
        clock: Arc::new(|| START),
        clock_rate: 1.0,
        heartbeat: Duration::from_secs(15),
        open_wallboard: true,
        session_lifetime: Duration::from_secs(1800),
        memory: Memory::default(),
        records: None,
        thresholds: Thresholds::default(),
        mounts: Vec::new(),
        origins: Vec::new(),
        about: About::default(),
        limits: Limits::default(),
    };
    feed::start(config, hub.clone(), requests, prometheus::Registry::new())
        .await
        .expect("a port of its own")
}
