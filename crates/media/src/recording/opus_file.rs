//! An Ogg Opus file that is playable while it grows (RFC 3533, RFC 7845): two channels of telephone sound.
//!
//! Pages are appended whole and nothing before them is ever touched, so a file that ends in the midst of one is played up to
//! the one before.

use std::fs::File;
use std::io::{self, Write};

/// Samples a second of what goes in; the file's own clock ticks 48,000 times.
const RATE: u32 = crate::wav::RATE;
const TICKS: u32 = 48_000 / RATE;

/// Moments in a packet: 20 ms.
const FRAME: usize = 160;

/// Bits a second of both channels together: a tone in one is 40 dB down in the other.
const BITRATE: i32 = 64_000;

/// How hard the encoder tries, of 10.
const COMPLEXITY: i32 = 5;

/// Octets of a packet at most; at our bit rate one has some 160.
const PACKET_MAX: usize = 1_275;

/// Packets in a page at most: one a second is written, which has 50.
const PACKETS_MAX: usize = 50;

const BEGINS: u8 = 2;
const ENDS: u8 = 4;

/// A growing file.
pub(super) struct OpusFile<F = File> {
    pages: Pages<F>,
    encoder: opus::Encoder,
    /// Moments that do not fill a packet yet.
    rest: Vec<i16>,
    /// Moments taken in.
    taken: u64,
    /// Ticks before the first sound in the decoder's output.
    pre_skip: u16,
}

impl<F: Write> OpusFile<F> {
    /// Writes the headers of an empty recording. `serial` tells this file's pages from others'.
    pub(super) fn begin(file: F, serial: u32) -> io::Result<Self> {
        let mut encoder = opus::Encoder::new(RATE, opus::Channels::Stereo, opus::Application::Voip)
            .map_err(io::Error::other)?;
        encoder
            .set_bitrate(opus::Bitrate::Bits(BITRATE))
            .and_then(|()| encoder.set_complexity(COMPLEXITY))
            .map_err(io::Error::other)?;
        let lookahead = encoder.get_lookahead().map_err(io::Error::other)?;
        let pre_skip = u16::try_from(lookahead).map_err(io::Error::other)? * TICKS as u16;
        let mut pages = Pages {
            file,
            serial,
            number: 0,
            segments: Vec::new(),
            body: Vec::new(),
            written: 0,
        };
        pages.put(&head(pre_skip));
        pages.flush(0, BEGINS)?;
        pages.put(&tags());
        pages.flush(0, 0)?;
        Ok(Self {
            pages,
            encoder,
            rest: Vec::with_capacity(2 * FRAME),
            taken: 0,
            pre_skip,
        })
    }

    /// Appends moments: what the caller and the operator said.
    pub(super) fn append(&mut self, frames: &[[i16; 2]]) -> io::Result<()> {
        self.taken += frames.len() as u64;
        for frame in frames {
            self.rest.extend(frame);
            if self.rest.len() == 2 * FRAME {
                self.encode()?;
            }
        }
        Ok(())
    }

    /// Writes what was appended, but for the last few milliseconds.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        if self.pages.segments.is_empty() {
            return Ok(());
        }
        let whole = self.taken - (self.rest.len() / 2) as u64;
        self.pages.flush(self.granule(whole), 0)
    }

    /// Writes all that was appended: the last act. The last packets are filled with silence, which players leave out.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let end = self.granule(self.taken);
        let mut missing = u64::from(self.pre_skip) / u64::from(TICKS) + (self.rest.len() / 2) as u64;
        while missing > 0 {
            missing = missing.saturating_sub(FRAME as u64);
            self.rest.resize(2 * FRAME, 0);
            self.encode()?;
        }
        self.pages.flush(end, ENDS)
    }

    /// Octets written.
    pub(super) fn written(&self) -> u64 {
        self.pages.written
    }

    fn encode(&mut self) -> io::Result<()> {
        let mut packet = [0; PACKET_MAX];
        let length = self
            .encoder
            .encode(&self.rest, &mut packet)
            .map_err(io::Error::other)?;
        self.rest.clear();
        self.pages.put(packet.get(..length).unwrap_or_default());
        if self.pages.packets() == PACKETS_MAX {
            self.pages.flush(self.granule(self.taken), 0)?;
        }
        Ok(())
    }

    /// What a page says that holds so many moments, all before it included (RFC 7845 §4).
    fn granule(&self, moments: u64) -> u64 {
        u64::from(self.pre_skip) + moments * u64::from(TICKS)
    }
}

/// Ogg's pages (RFC 3533 §6), each of whole packets.
struct Pages<F> {
    file: F,
    serial: u32,
    number: u32,
    /// The lengths of the page's packets, in parts of 255.
    segments: Vec<u8>,
    body: Vec<u8>,
    written: u64,
}

impl<F: Write> Pages<F> {
    fn put(&mut self, packet: &[u8]) {
        self.segments.extend(std::iter::repeat_n(255, packet.len() / 255));
        self.segments.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
    }

    fn packets(&self) -> usize {
        self.segments.iter().filter(|part| **part < 255).count()
    }

    fn flush(&mut self, granule: u64, kind: u8) -> io::Result<()> {
        let mut page = Vec::with_capacity(27 + self.segments.len() + self.body.len());
        page.extend(b"OggS\0");
        page.push(kind);
        page.extend(granule.to_le_bytes());
        page.extend(self.serial.to_le_bytes());
        page.extend(self.number.to_le_bytes());
        page.extend([0; 4]);
        page.push(self.segments.len() as u8);
        page.append(&mut self.segments);
        page.append(&mut self.body);
        let checksum = checksum(&page);
        page[22..26].copy_from_slice(&checksum.to_le_bytes());
        self.number += 1;
        self.written += page.len() as u64;
        self.file.write_all(&page)?;
        self.file.flush()
    }
}

/// Ogg's cyclic redundancy check: polynomial 0x04c11db7, from 0, not reflected.
fn checksum(page: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let mut rest = (n as u32) << 24;
            let mut bit = 0;
            while bit < 8 {
                rest = (rest << 1) ^ if rest & 1 << 31 != 0 { 0x04c1_1db7 } else { 0 };
                bit += 1;
            }
            table[n] = rest;
            n += 1;
        }
        table
    };
    page.iter().fold(0, |sum: u32, &octet| {
        (sum << 8) ^ TABLE[((sum >> 24) as u8 ^ octet) as usize]
    })
}

/// The identification header (RFC 7845 §5.1): version 1, two channels, left and right.
fn head(pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend(pre_skip.to_le_bytes());
    head.extend(RATE.to_le_bytes());
    head.extend([0; 3]);
    head
}

/// The comment header (RFC 7845 §5.2), without comments.
fn tags() -> Vec<u8> {
    let vendor = concat!("Holdfast ", env!("CARGO_PKG_VERSION"));
    let mut tags = b"OpusTags".to_vec();
    tags.extend((vendor.len() as u32).to_le_bytes());
    tags.extend(vendor.as_bytes());
    tags.extend([0; 4]);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// Moments with a tone in each channel.
    fn tones(left: f64, right: f64, count: usize) -> Vec<[i16; 2]> {
        let tone = |n: usize, hz: f64| ((n as f64 * hz * TAU / 8_000.0).sin() * 8_000.0) as i16;
        (0..count).map(|n| [tone(n, left), tone(n, right)]).collect()
    }

    /// Takes a file apart by the RFCs, and decodes it: the sound between pre-skip and the last page's granule position.
    /// Stops where a page is not whole.
    fn play(file: &[u8]) -> (Vec<[i16; 2]>, bool) {
        let mut decoder = opus::Decoder::new(8_000, opus::Channels::Stereo).expect("a decoder");
        let (mut rest, mut packets, mut granule, mut ended) = (file, vec![], 0, false);
        for number in 0u32.. {
            let Some(count) = rest.get(26).map(|n| usize::from(*n)) else {
                break;
            };
            let Some(segments) = rest.get(27..27 + count) else {
                break;
            };
            let length = 27 + count + segments.iter().map(|part| usize::from(*part)).sum::<usize>();
            let Some(page) = rest.get(..length) else { break };
            let mut zeroed = page.to_vec();
            zeroed[22..26].fill(0);
            assert_eq!(page[..5], *b"OggS\0");
            assert_eq!(page[18..22], number.to_le_bytes());
            assert_eq!(page[22..26], checksum(&zeroed).to_le_bytes());
            assert_eq!(page[5] & BEGINS != 0, number == 0);
            granule = u64::from_le_bytes(page[6..14].try_into().expect("eight octets"));
            ended = page[5] & ENDS != 0;
            let mut body = &page[27 + count..];
            let mut packet = vec![];
            for &part in segments {
                packet.extend_from_slice(&body[..part.into()]);
                body = &body[part.into()..];
                if part < 255 {
                    packets.push(std::mem::take(&mut packet));
                }
            }
            rest = &rest[length..];
        }
        assert_eq!(packets[0][..10], *b"OpusHead\x01\x02");
        assert_eq!(packets[1][..8], *b"OpusTags");
        let skip = u16::from_le_bytes([packets[0][10], packets[0][11]]);
        let mut sound = vec![];
        for packet in &packets[2..] {
            let mut samples = [0; 2 * FRAME];
            let count = decoder
                .decode(packet, &mut samples, false)
                .expect("a packet of Opus");
            sound.extend(
                samples[..2 * count]
                    .chunks_exact(2)
                    .map(|pair| [pair[0], pair[1]]),
            );
        }
        sound.truncate((granule / 6) as usize);
        sound.drain(..usize::from(skip) / 6);
        (sound, ended)
    }

    /// The share of a tone in the power of one channel.
    fn share(sound: &[[i16; 2]], channel: usize, hz: f64) -> f64 {
        let (mut re, mut im, mut power) = (0.0, 0.0, 0.0);
        for (n, moment) in sound.iter().enumerate() {
            let (sample, angle) = (f64::from(moment[channel]), n as f64 * hz * TAU / 8_000.0);
            (re, im, power) = (
                re + sample * angle.cos(),
                im + sample * angle.sin(),
                power + sample * sample,
            );
        }
        2.0 * (re * re + im * im) / power / sound.len() as f64
    }

    #[test]
    fn both_channels_come_back_whole_and_apart() {
        let mut memory = Vec::new();
        let mut file = OpusFile::begin(&mut memory, 7).expect("memory takes it");
        let said = tones(440.0, 1_000.0, 20_123);
        for part in said.chunks(777) {
            file.append(part).expect("memory takes it");
            file.settle().expect("memory takes it");
        }
        file.finish().expect("memory takes it");
        let written = file.written();
        assert_eq!(written, memory.len() as u64);
        assert!(
            written < 20_123 * 4 / 3,
            "{written} octets are not a third of WAV"
        );
        let (sound, ended) = play(&memory);
        assert!(ended);
        assert_eq!(sound.len(), said.len(), "to the sample");
        let middle = &sound[4_000..16_000];
        assert!(share(middle, 0, 440.0) > 0.99 && share(middle, 1, 1_000.0) > 0.99);
        assert!(share(middle, 0, 1_000.0) < 0.001 && share(middle, 1, 440.0) < 0.001);
    }

    #[test]
    fn a_file_cut_off_anywhere_is_played_up_to_its_last_whole_page() {
        let mut memory = Vec::new();
        let mut file = OpusFile::begin(&mut memory, 7).expect("memory takes it");
        for part in tones(440.0, 1_000.0, 32_000).chunks(8_000) {
            file.append(part).expect("memory takes it");
            file.settle().expect("memory takes it");
        }
        // And then the engine is killed.
        drop(file);
        let (whole, ended) = play(&memory);
        assert!(!ended && whole.len() > 31_900, "{}", whole.len());
        for cut in [1, 100, 5_000] {
            let (sound, _) = play(&memory[..memory.len() - cut]);
            assert!((23_900..32_000).contains(&sound.len()), "{cut}: {}", sound.len());
        }
    }

    #[test]
    fn the_checksum_is_oggs() {
        // The first page that opusenc writes of nothing, its checksum taken out.
        assert_eq!(checksum(b""), 0);
        assert_eq!(checksum(b"123456789"), 0x89a1_897f);
    }
}
