//! What goes on to the peer from another leg.

use super::{Inbound, Session};
use crate::convert::Conversion;
use crate::dtmf::TelephoneEvent;
use crate::g711::Transcoder;
use crate::metrics::Reason;
use crate::moment::Moment;
use crate::packet::{Header, Kind};
use crate::press::EVENT_LEN;
use crate::{Codec, Remote};
use std::ops::Range;

impl Session {
    /// Turns another leg's packet into one for the peer, in place: header rewritten, codec and payload type ours.
    /// `packet` is the whole buffer that it lies in, for a codec that needs more room.
    pub(crate) fn pass_on<'a>(
        &mut self,
        inbound: &Inbound,
        packet: &'a mut [u8],
        transcoder: &Transcoder,
        now: Moment,
    ) -> Result<&'a [u8], Reason> {
        let Some(remote) = self
            .peer
            .as_ref()
            .map(|peer| peer.remote)
            .filter(|remote| remote.send)
        else {
            self.outgoing.pause();
            return Err(Reason::Held);
        };
        let payload_type = match (inbound.kind, remote.dtmf_pt) {
            (Kind::Audio(_), _) => remote.payload_type(),
            (Kind::TelephoneEvent, Some(payload_type)) => payload_type,
            (Kind::TelephoneEvent, None) => {
                self.outgoing.swallow(&inbound.header);
                return Err(Reason::NoDtmf);
            }
            (Kind::ComfortNoise, _) => {
                self.outgoing.swallow(&inbound.header);
                return Err(Reason::ComfortNoise);
            }
        };
        self.press.take_if(|press| press.lapsed(now));
        if let (Kind::Audio(_), Some(payload_type), true) =
            (inbound.kind, remote.dtmf_pt, self.press.is_some())
        {
            return self.pass_on_key(inbound, payload_type, &remote, packet, now);
        }
        let payload = match inbound.kind {
            Kind::Audio(codec) if codec != remote.codec => {
                self.transcode(codec, remote.codec, inbound, packet, transcoder)?
            }
            Kind::TelephoneEvent => {
                TelephoneEvent::write_duration(inbound.samples, remote.dtmf_rate, packet, &inbound.payload);
                inbound.payload.clone()
            }
            _ => inbound.payload.clone(),
        };
        let Inbound {
            header,
            samples,
            restarted,
            ..
        } = inbound;
        let octets = payload.len() as u32;
        let relayed = self
            .outgoing
            .relay(header, payload_type, *samples, octets, *restarted, now);
        let header = relayed.ok_or(Reason::Late)?.on_the_clock_of(remote.codec);
        header.write_before(&payload, packet).ok_or(Reason::Malformed)
    }

    /// Sends a packet of the key press in place of one of voice.
    fn pass_on_key<'a>(
        &mut self,
        inbound: &Inbound,
        payload_type: u8,
        remote: &Remote,
        packet: &'a mut [u8],
        now: Moment,
    ) -> Result<&'a [u8], Reason> {
        let (header, samples) = (&inbound.header, inbound.samples);
        let relayed = self.outgoing.relay(
            header,
            payload_type,
            samples,
            EVENT_LEN as u32,
            inbound.restarted,
            now,
        );
        let relayed = relayed.ok_or(Reason::Late)?;
        let press = self.press.as_mut().ok_or(Reason::NoDtmf)?;
        let event = press.next(relayed.timestamp, samples, remote.dtmf_rate);
        if event.last {
            self.press = None;
        }
        let header = Header {
            timestamp: event.timestamp,
            marker: relayed.marker || event.marker,
            ..relayed
        };
        let start = inbound.payload.start;
        let payload = start..start + EVENT_LEN;
        packet
            .get_mut(payload.clone())
            .ok_or(Reason::Malformed)?
            .copy_from_slice(&event.payload);
        header
            .on_the_clock_of(remote.codec)
            .write_before(&payload, packet)
            .ok_or(Reason::Malformed)
    }

    /// Turns a packet's sound into another codec, and gives where the new payload lies.
    fn transcode(
        &mut self,
        from: Codec,
        to: Codec,
        inbound: &Inbound,
        packet: &mut [u8],
        laws: &Transcoder,
    ) -> Result<Range<usize>, Reason> {
        let audio = packet.get_mut(inbound.payload.clone()).ok_or(Reason::Malformed)?;
        if from.family() == to.family() {
            laws.transcode(audio, to);
            return Ok(inbound.payload.clone());
        }
        if inbound.restarted || !self.conversion.as_ref().is_some_and(|known| known.is(from, to)) {
            self.conversion = Conversion::new(from, to);
        }
        let conversion = self.conversion.as_mut().ok_or(Reason::Codec)?;
        let converted = conversion.convert(inbound.header.sequence, audio)?;
        let start = inbound.payload.start;
        let payload = start..start + converted.len();
        packet
            .get_mut(payload.clone())
            .ok_or(Reason::Codec)?
            .copy_from_slice(converted);
        Ok(payload)
    }
}
