//! What the feed costs the engine, and how long an event takes to reach every console on loopback. Server and
//! clients share the machine's cores, so a share of the time is the clients' own.

mod house;

use acd::Event;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use feed::{Feed, Hub};
use futures_util::StreamExt;
use house::{START, arrived, serve};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

/// Consoles that count the deltas they get, all together.
struct Consoles {
    count: u64,
    received: Arc<AtomicU64>,
    wanted: Arc<AtomicU64>,
    all: Arc<Notify>,
}

impl Consoles {
    async fn connect(feed: &Feed, count: u64) -> Self {
        let consoles = Self {
            count,
            received: Arc::default(),
            wanted: Arc::default(),
            all: Arc::new(Notify::new()),
        };
        for _ in 0..count {
            let url = format!("ws://{}/feed", feed.local_addr());
            let (mut socket, _) = tokio_tungstenite::connect_async(url)
                .await
                .expect("room for one more");
            for _ in ["hello", "snapshot"] {
                socket.next().await.expect("still open").expect("a message");
            }
            let (received, wanted, all) = (
                consoles.received.clone(),
                consoles.wanted.clone(),
                consoles.all.clone(),
            );
            tokio::spawn(async move {
                while let Some(Ok(message)) = socket.next().await {
                    let is_delta =
                        matches!(&message, Message::Text(text) if text.starts_with("{\"type\":\"delta\""));
                    if is_delta
                        && received.fetch_add(1, Ordering::AcqRel) + 1 == wanted.load(Ordering::Acquire)
                    {
                        all.notify_one();
                    }
                }
            });
        }
        consoles
    }

    /// Publishes `events` and returns when every console has each of them.
    async fn see(&self, hub: &Hub, seq: &mut u64, events: &[Event]) {
        *seq += events.len() as u64;
        self.wanted
            .fetch_add(self.count * events.len() as u64, Ordering::AcqRel);
        hub.publish(*seq, START, events);
        self.all.notified().await;
    }
}

/// The engine's share: handing over what one input brought about.
fn publish(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let hub = Hub::new(1);
    let _feed = runtime.block_on(serve(&hub));
    let events = [arrived(1), arrived(2), arrived(3)];
    let mut seq = 0;
    c.bench_function("feed/publish 3 events", |b| {
        b.iter(|| {
            seq += 3;
            hub.publish(seq, START, &events);
        });
    });
}

/// From the engine to every console.
fn fan_out(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = c.benchmark_group("feed/fan out");
    group.sample_size(20);
    for (consoles, burst) in [(1, 1), (100, 1), (1000, 1), (1000, 20)] {
        let hub = Hub::new(1);
        let (_feed, connected) = runtime.block_on(async {
            let feed = serve(&hub).await;
            let connected = Consoles::connect(&feed, consoles).await;
            (feed, connected)
        });
        let events: Vec<Event> = (0..burst).map(arrived).collect();
        let mut seq = 0;
        group.throughput(Throughput::Elements(consoles * burst));
        let id = BenchmarkId::from_parameter(format!("{burst} events to {consoles} consoles"));
        group.bench_function(id, |b| {
            b.iter_custom(|rounds| {
                runtime.block_on(async {
                    let begin = Instant::now();
                    for _ in 0..rounds {
                        connected.see(&hub, &mut seq, &events).await;
                    }
                    begin.elapsed()
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, publish, fan_out);
criterion_main!(benches);
