//! How ended legs sounded, and recordings that failed, on the way from media to the log, the records and the consoles. The
//! core does not hear of it: nothing is decided by it.

use feed::Hub;
use media::{Codec, LegQuality, MediaEvent, MediaEvents, PathQuality};
use records::{Path, Quality, Records};
use std::sync::Arc;

/// `events`, with what media says of quality also told to the log, to `hub` and to `records`, and to `hub` what it says of
/// recordings.
pub fn with_remarks(events: MediaEvents, hub: Hub, records: Records) -> MediaEvents {
    Arc::new(move |event| {
        if let MediaEvent::Closed { leg, quality } = event
            && quality.is_known()
        {
            log(leg, &quality);
            // An operator's console is not to show that somebody listened.
            if !leg.is_supervisor() {
                let quality = told(&quality);
                hub.tell_quality(leg, &quality);
                records.heard(leg, quality);
            }
        }
        if let MediaEvent::RecordingFailed { call } = event {
            hub.tell_recorded(call, false);
        }
        events(event);
    })
}

fn told(quality: &LegQuality) -> Quality {
    Quality {
        codec: quality.codec.map(|codec| codec.name().into()),
        round_trip: quality.round_trip,
        received: quality.received.as_ref().map(path),
        sent: quality.sent.as_ref().map(path),
    }
}

fn path(path: &PathQuality) -> Path {
    Path {
        packets: path.packets,
        lost: path.lost,
        jitter: path.jitter,
        mos: path.mos(),
    }
}

fn log(leg: acd::LegId, quality: &LegQuality) {
    let mos = |path: &Option<PathQuality>| path.as_ref().map(PathQuality::mos);
    let loss = |path: &Option<PathQuality>| path.as_ref().map(PathQuality::loss);
    tracing::info!(
        call = leg.call.0,
        leg = leg.leg,
        codec = quality.codec.map(Codec::name),
        mos_received = mos(&quality.received),
        mos_sent = mos(&quality.sent),
        loss_received = loss(&quality.received),
        loss_sent = loss(&quality.sent),
        round_trip_s = quality.round_trip.map(|time| time.as_secs_f64()),
        "leg ended"
    );
}
