//! How a leg sounded, told once when its media ended: a remark. The records and the metrics have all of them.

use crate::remarks::{Audience, Remarks};
use crate::wire::Message;
use acd::LegId;
use records::{Path, Quality};
use serde::Serialize;
use std::time::Duration;

/// The message's fields.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct QualityMessage {
    call: u64,
    leg: u32,
    #[serde(flatten)]
    sound: Sound,
}

/// How a leg sounded.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Sound {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    codec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    round_trip_ms: Option<f64>,
    /// What the phone sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    received: Option<PathMessage>,
    /// What was sent to the phone, as it reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    sent: Option<PathMessage>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct PathMessage {
    packets: u64,
    lost: u64,
    jitter_ms: f64,
    mos: f64,
}

impl From<&Quality> for Sound {
    fn from(quality: &Quality) -> Self {
        Self {
            codec: quality.codec.as_deref().map(str::to_owned),
            round_trip_ms: quality.round_trip.map(tenths_ms),
            received: quality.received.as_ref().map(PathMessage::from),
            sent: quality.sent.as_ref().map(PathMessage::from),
        }
    }
}

impl From<&Path> for PathMessage {
    fn from(path: &Path) -> Self {
        Self {
            packets: path.packets,
            lost: path.lost,
            jitter_ms: tenths_ms(path.jitter),
            mos: path.mos,
        }
    }
}

fn tenths_ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

/// Tells everybody who watches.
pub(crate) fn tell(remarks: &Remarks, leg: LegId, quality: &Quality) {
    let message = Message::Quality(QualityMessage {
        call: leg.call.0,
        leg: leg.leg,
        sound: quality.into(),
    });
    remarks.tell(Audience::Everybody, &message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;
    use crate::remarks;
    use acd::CallId;

    #[tokio::test]
    async fn a_remark_is_one_message() {
        let told = Remarks::new();
        let mut watching = told.subscribe();
        let quality = Quality {
            codec: Some("PCMA".into()),
            round_trip: Some(Duration::from_micros(12_340)),
            received: Some(Path {
                packets: 500,
                lost: 5,
                jitter: Duration::from_micros(2_250),
                mos: 4.2,
            }),
            sent: None,
        };
        tell(&told, LegId::caller(CallId(8)), &quality);
        assert_eq!(
            remarks::next(&mut watching, Role::Wallboard).await.as_str(),
            r#"{"type":"quality","call":8,"leg":0,"codec":"PCMA","round_trip_ms":12.3,"received":{"packets":500,"lost":5,"jitter_ms":2.3,"mos":4.2}}"#
        );
    }
}
