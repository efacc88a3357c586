//! Inputs as bytes: short for those that come with every call, JSON for the rest.
//!
//! A kind and its fields are never given another meaning, or older journals would be misread. An input that gains a
//! field gets a new kind; the old one goes on being read, with the value that the field had in effect before.

use crate::wire::{Reader, put_varint};
use acd::{CallId, CallerNumber, FailCause, GoneCause, Input, LegId, OperatorId, QueueId, Skills, TrunkId};

/// The first byte of a body that is an input. Those below [`kind::FIRST`] belong to other entries.
pub(crate) mod kind {
    pub(crate) const JSON: u8 = 0;
    pub(crate) const FIRST: u8 = 16;
    pub(super) const CALL_ARRIVED: u8 = 16;
    pub(super) const CALLER_GONE: u8 = 17;
    pub(super) const PROMPT_DONE: u8 = 18;
    pub(super) const DTMF: u8 = 19;
    pub(super) const LEG_RINGING: u8 = 20;
    pub(super) const LEG_ANSWERED: u8 = 21;
    pub(super) const LEG_FAILED: u8 = 22;
    pub(super) const LEG_GONE: u8 = 23;
    pub(super) const LEG_HELD: u8 = 24;
    pub(super) const MEDIA_SILENT: u8 = 25;
    pub(super) const PHONE_REGISTERED: u8 = 26;
    pub(super) const PHONE_UNREGISTERED: u8 = 27;
    pub(super) const READY: u8 = 28;
    pub(super) const TICK: u8 = 29;
}

/// Appends kind and fields of `input`.
pub(crate) fn put_input(buffer: &mut Vec<u8>, input: &Input) -> Result<(), serde_json::Error> {
    match *input {
        // A call that needs skills of its own is one of the rest.
        Input::CallArrived {
            call,
            queue,
            trunk,
            caller,
            skills: Skills(0),
        } => {
            buffer.push(kind::CALL_ARRIVED);
            put_varint(buffer, call.0);
            put_varint(buffer, queue.0.into());
            put_varint(buffer, trunk.0.into());
            buffer.extend_from_slice(caller.reveal().as_bytes());
        }
        Input::CallerGone { call, cause } => {
            buffer.push(kind::CALLER_GONE);
            put_varint(buffer, call.0);
            buffer.push(match cause {
                GoneCause::HungUp => 0,
                GoneCause::Failed => 1,
            });
        }
        Input::PromptDone { call } => put_numbers(buffer, kind::PROMPT_DONE, &[call.0]),
        Input::Dtmf { call, digit } => {
            put_numbers(buffer, kind::DTMF, &[call.0, u64::from(u32::from(digit))])
        }
        Input::LegRinging { leg } => put_leg(buffer, kind::LEG_RINGING, leg),
        Input::LegAnswered { leg } => put_leg(buffer, kind::LEG_ANSWERED, leg),
        Input::LegFailed { leg, cause } => {
            put_leg(buffer, kind::LEG_FAILED, leg);
            put_varint(buffer, number_of(cause));
        }
        Input::LegGone { leg } => put_leg(buffer, kind::LEG_GONE, leg),
        Input::LegHeld { leg, held } => {
            put_leg(buffer, kind::LEG_HELD, leg);
            buffer.push(held.into());
        }
        Input::MediaSilent { leg } => put_leg(buffer, kind::MEDIA_SILENT, leg),
        Input::PhoneRegistered { operator } => {
            put_numbers(buffer, kind::PHONE_REGISTERED, &[operator.0.into()]);
        }
        Input::PhoneUnregistered { operator } => {
            put_numbers(buffer, kind::PHONE_UNREGISTERED, &[operator.0.into()]);
        }
        Input::Ready { operator } => put_numbers(buffer, kind::READY, &[operator.0.into()]),
        Input::Tick => buffer.push(kind::TICK),
        _ => {
            buffer.push(kind::JSON);
            serde_json::to_writer(buffer, input)?;
        }
    }
    Ok(())
}

fn put_numbers(buffer: &mut Vec<u8>, kind: u8, numbers: &[u64]) {
    buffer.push(kind);
    for number in numbers {
        put_varint(buffer, *number);
    }
}

fn put_leg(buffer: &mut Vec<u8>, kind: u8, leg: LegId) {
    put_numbers(buffer, kind, &[leg.call.0, leg.leg.into()]);
}

/// Causes without a status below 100, where no SIP status is; a status as itself, above.
const STATUS_FROM: u64 = 100;

fn number_of(cause: FailCause) -> u64 {
    match cause {
        FailCause::Busy => 0,
        FailCause::Declined => 1,
        FailCause::NoAnswer => 2,
        FailCause::Unreachable => 3,
        FailCause::Other(status) => STATUS_FROM + u64::from(status),
    }
}

fn cause_of(number: u64) -> Option<FailCause> {
    Some(match number {
        0 => FailCause::Busy,
        1 => FailCause::Declined,
        2 => FailCause::NoAnswer,
        3 => FailCause::Unreachable,
        _ => FailCause::Other(u16::try_from(number.checked_sub(STATUS_FROM)?).ok()?),
    })
}

/// Reads the fields of an input of `kind`, which fill the rest of `reader`. An error is a word on what is wrong.
pub(crate) fn read_input(kind: u8, mut reader: Reader<'_>) -> Result<Input, String> {
    if kind == kind::JSON {
        return input_of_json(reader.rest());
    }
    if !(kind::FIRST..=kind::TICK).contains(&kind) {
        return Err(format!("is of kind {kind}, which this version does not know"));
    }
    match read_fields(kind, &mut reader) {
        Some(input) if reader.is_empty() => Ok(input),
        _ => Err(format!("is of kind {kind}, and its fields are not")),
    }
}

pub(crate) fn input_of_json(json: &[u8]) -> Result<Input, String> {
    serde_json::from_slice(json).map_err(|error| format!("is not an input this version knows ({error})"))
}

fn read_fields(kind: u8, reader: &mut Reader<'_>) -> Option<Input> {
    Some(match kind {
        kind::CALL_ARRIVED => Input::CallArrived {
            call: call(reader)?,
            queue: QueueId(reader.varint_u32()?),
            trunk: TrunkId(reader.varint_u32()?),
            caller: caller(reader)?,
            skills: Skills(0),
        },
        kind::CALLER_GONE => Input::CallerGone {
            call: call(reader)?,
            cause: match reader.byte()? {
                0 => GoneCause::HungUp,
                1 => GoneCause::Failed,
                _ => return None,
            },
        },
        kind::PROMPT_DONE => Input::PromptDone { call: call(reader)? },
        kind::DTMF => Input::Dtmf {
            call: call(reader)?,
            digit: char::from_u32(reader.varint_u32()?)?,
        },
        kind::LEG_RINGING => Input::LegRinging { leg: leg(reader)? },
        kind::LEG_ANSWERED => Input::LegAnswered { leg: leg(reader)? },
        kind::LEG_FAILED => Input::LegFailed {
            leg: leg(reader)?,
            cause: cause_of(reader.varint()?)?,
        },
        kind::LEG_GONE => Input::LegGone { leg: leg(reader)? },
        kind::LEG_HELD => Input::LegHeld {
            leg: leg(reader)?,
            held: match reader.byte()? {
                0 => false,
                1 => true,
                _ => return None,
            },
        },
        kind::MEDIA_SILENT => Input::MediaSilent { leg: leg(reader)? },
        kind::PHONE_REGISTERED => Input::PhoneRegistered {
            operator: operator(reader)?,
        },
        kind::PHONE_UNREGISTERED => Input::PhoneUnregistered {
            operator: operator(reader)?,
        },
        kind::READY => Input::Ready {
            operator: operator(reader)?,
        },
        kind::TICK => Input::Tick,
        _ => return None,
    })
}

fn call(reader: &mut Reader<'_>) -> Option<CallId> {
    reader.varint().map(CallId)
}

fn leg(reader: &mut Reader<'_>) -> Option<LegId> {
    Some(LegId {
        call: call(reader)?,
        leg: reader.varint_u32()?,
    })
}

fn operator(reader: &mut Reader<'_>) -> Option<OperatorId> {
    reader.varint_u32().map(OperatorId)
}

/// The rest is the caller's number, if it is one that could have been written.
fn caller(reader: &mut Reader<'_>) -> Option<CallerNumber> {
    let text = std::str::from_utf8(reader.take_rest()).ok()?;
    (text.len() <= CallerNumber::LEN_MAX).then(|| CallerNumber::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use acd::{PauseReason, Timestamp};
    use proptest::prelude::*;

    fn written(input: &Input) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_input(&mut bytes, input).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Input, String> {
        let (kind, fields) = bytes.split_first().unwrap();
        read_input(*kind, Reader::new(fields))
    }

    const LEG: LegId = LegId {
        call: CallId(300),
        leg: 2,
    };

    /// The bytes of format 2 stay what they are.
    #[test]
    fn each_input_has_its_bytes() {
        let call = CallId(300);
        let operator = OperatorId(3);
        let arrived = Input::CallArrived {
            call,
            queue: QueueId(1),
            trunk: TrunkId(2),
            caller: CallerNumber::new("021"),
            skills: Skills(0),
        };
        let table = [
            (arrived, &[16, 0xac, 2, 1, 2, b'0', b'2', b'1'][..]),
            (
                Input::CallerGone {
                    call,
                    cause: GoneCause::HungUp,
                },
                &[17, 0xac, 2, 0],
            ),
            (
                Input::CallerGone {
                    call,
                    cause: GoneCause::Failed,
                },
                &[17, 0xac, 2, 1],
            ),
            (Input::PromptDone { call }, &[18, 0xac, 2]),
            (Input::Dtmf { call, digit: '#' }, &[19, 0xac, 2, 35]),
            (Input::LegRinging { leg: LEG }, &[20, 0xac, 2, 2]),
            (Input::LegAnswered { leg: LEG }, &[21, 0xac, 2, 2]),
            (
                Input::LegFailed {
                    leg: LEG,
                    cause: FailCause::Unreachable,
                },
                &[22, 0xac, 2, 2, 3],
            ),
            (
                Input::LegFailed {
                    leg: LEG,
                    cause: FailCause::Other(500),
                },
                &[22, 0xac, 2, 2, 0xd8, 4],
            ),
            (Input::LegGone { leg: LEG }, &[23, 0xac, 2, 2]),
            (Input::LegHeld { leg: LEG, held: true }, &[24, 0xac, 2, 2, 1]),
            (Input::MediaSilent { leg: LEG }, &[25, 0xac, 2, 2]),
            (Input::PhoneRegistered { operator }, &[26, 3]),
            (Input::PhoneUnregistered { operator }, &[27, 3]),
            (Input::Ready { operator }, &[28, 3]),
            (Input::Tick, &[29]),
            (Input::FollowSchedule, b"\0{\"in\":\"follow_schedule\"}"),
            (
                Input::Consult {
                    operator,
                    to: OperatorId(4),
                },
                b"\0{\"in\":\"consult\",\"operator\":3,\"to\":4}",
            ),
        ];
        for (input, bytes) in table {
            assert_eq!(written(&input), bytes, "{input:?}");
            assert_eq!(read(bytes), Ok(input));
        }
    }

    #[test]
    fn rare_inputs_come_back_too() {
        let operator = OperatorId(7);
        for input in [
            Input::CallArrived {
                call: CallId(300),
                queue: QueueId(1),
                trunk: TrunkId(2),
                caller: CallerNumber::new("021"),
                skills: Skills(5),
            },
            Input::SignOn { operator },
            Input::SignOff { operator },
            Input::Pause {
                operator,
                reason: PauseReason::Chosen(3),
            },
            Input::ExtendWrapUp { operator },
            Input::HangUp { operator },
            Input::Hold { operator, on: true },
            Input::Transfer {
                operator,
                to: OperatorId(8),
            },
            Input::TransferOutside {
                operator,
                number: CallerNumber::new("+8613900000001"),
            },
            Input::ConsultOutside {
                operator,
                number: CallerNumber::new("110"),
            },
            Input::Conference { operator },
            Input::CompleteTransfer { operator },
            Input::CancelConsult { operator },
            Input::SetLines {
                lines: 7,
                until: Timestamp::from_secs(1_800_000_000),
            },
            Input::Drain,
            Input::HangUpAll,
        ] {
            assert_eq!(read(&written(&input)), Ok(input));
        }
    }

    #[test]
    fn what_no_version_wrote_is_refused() {
        for (bytes, says) in [
            (&[99][..], "kind 99, which this version does not know"),
            (&[29, 0], "its fields are not"),
            (&[17, 1, 2], "its fields are not"),
            (&[24, 1, 2, 2], "its fields are not"),
            (&[22, 1, 2, 4], "its fields are not"),
            (&[16, 1, 0, 0, 0xff], "its fields are not"),
            (&[20, 1], "its fields are not"),
            (b"\0{\"in\":\"sing\"}", "not an input this version knows"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains(says), "{bytes:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(kind in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(input) = read_input(kind, Reader::new(&bytes)) {
                prop_assert_eq!(read(&written(&input)), Ok(input));
            }
        }
    }
}
