//! A few packets' worth of one party's sound, so that a mix finds it in step though it came by a network. Pure.
//!
//! **Always holds**: sound lies where its timestamps say, so that what was lost is a silence of its length; nothing is given
//! out before there is enough to bear the usual jitter; a sender whose clock runs ahead of ours, or a burst, cannot make
//! it deeper than [`DEPTH_MAX`].

use crate::packet::FRAME;

/// Samples in the ring: 256 ms.
const CAPACITY: u32 = 2_048;

/// Samples from which on the oldest are passed over: 160 ms.
const DEPTH_MAX: u32 = 8 * FRAME;

/// Sound that waits, 8,000 samples a second.
pub(crate) struct Cushion {
    ring: [i16; CAPACITY as usize],
    /// The timestamp of what is given out next.
    start: u32,
    /// The timestamp behind the newest.
    end: u32,
    /// So much must be there before the first is given out: a packet, and a frame for its delay.
    depth: u32,
    flowing: bool,
}

impl Default for Cushion {
    fn default() -> Self {
        Self {
            ring: [0; CAPACITY as usize],
            start: 0,
            end: 0,
            depth: 2 * FRAME,
            flowing: false,
        }
    }
}

impl Cushion {
    /// Takes in a packet's sound. What comes too late to be heard in its place is left out.
    pub(crate) fn put(&mut self, timestamp: u32, restarted: bool, sound: &[i16]) {
        let length = u32::try_from(sound.len()).unwrap_or(u32::MAX);
        if length > CAPACITY / 2 {
            return;
        }
        self.depth = length + FRAME;
        if restarted || (self.waiting() == 0 && !self.flowing) {
            self.begin_at(timestamp);
        }
        let ahead = timestamp.wrapping_sub(self.start);
        if (ahead as i32) < 0 {
            return;
        }
        if ahead > CAPACITY - length {
            // A pause without packets, or timestamps of another beginning: nothing between is to be waited for.
            self.begin_at(timestamp);
        }
        while (timestamp.wrapping_sub(self.end) as i32) > 0 {
            self.set(self.end, 0);
            self.end = self.end.wrapping_add(1);
        }
        for (at, &sample) in (0..).map(|n| timestamp.wrapping_add(n)).zip(sound) {
            self.set(at, sample);
        }
        let end = timestamp.wrapping_add(length);
        if (end.wrapping_sub(self.end) as i32) > 0 {
            self.end = end;
        }
        if self.waiting() > DEPTH_MAX.max(2 * self.depth) {
            self.start = self.end.wrapping_sub(self.depth);
        }
    }

    /// Adds what is due to `sum`. True when the sound has just run out, as it does at the end of a talk spurt.
    pub(crate) fn add_to(&mut self, sum: &mut [i32]) -> bool {
        self.flowing |= self.waiting() >= self.depth;
        if !self.flowing {
            return false;
        }
        let wanted = u32::try_from(sum.len()).unwrap_or(u32::MAX);
        let there = self.waiting().min(wanted);
        for (n, sum) in (0..there).zip(sum) {
            *sum += i32::from(self.get(self.start.wrapping_add(n)));
        }
        self.start = self.start.wrapping_add(there);
        self.flowing = there == wanted;
        !self.flowing
    }

    fn waiting(&self) -> u32 {
        self.end.wrapping_sub(self.start)
    }

    fn begin_at(&mut self, timestamp: u32) {
        (self.start, self.end, self.flowing) = (timestamp, timestamp, false);
    }

    fn get(&self, at: u32) -> i16 {
        self.ring[(at % CAPACITY) as usize]
    }

    fn set(&mut self, at: u32, sample: i16) {
        self.ring[(at % CAPACITY) as usize] = sample;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples that tell which they are, from this timestamp on.
    fn sound(timestamp: u32, length: u32) -> Vec<i16> {
        (0..length)
            .map(|n| timestamp.wrapping_add(n) as i16 | 1)
            .collect()
    }

    fn put(cushion: &mut Cushion, timestamp: u32) {
        cushion.put(timestamp, false, &sound(timestamp, FRAME));
    }

    fn take(cushion: &mut Cushion) -> (Vec<i16>, bool) {
        let mut sum = [0; FRAME as usize];
        let ran_out = cushion.add_to(&mut sum);
        (sum.map(|sample| sample as i16).to_vec(), ran_out)
    }

    const SILENCE: [i16; FRAME as usize] = [0; FRAME as usize];

    #[test]
    fn two_frames_come_before_the_first_is_given_out_and_none_is_missing_after() {
        let mut cushion = Cushion::default();
        let first = u32::MAX - 200;
        put(&mut cushion, first);
        assert_eq!(take(&mut cushion), (SILENCE.to_vec(), false));
        for n in 0..50 {
            put(&mut cushion, first.wrapping_add((n + 1) * FRAME));
            let due = first.wrapping_add(n * FRAME);
            assert_eq!(take(&mut cushion), (sound(due, FRAME), false), "frame {n}");
        }
    }

    #[test]
    fn jitter_of_a_frame_and_packets_out_of_order_are_borne() {
        let mut cushion = Cushion::default();
        for n in [0, 1] {
            put(&mut cushion, n * FRAME);
        }
        assert_eq!(take(&mut cushion), (sound(0, FRAME), false));
        // The third is late, and comes after the fourth.
        assert_eq!(take(&mut cushion), (sound(FRAME, FRAME), false));
        put(&mut cushion, 3 * FRAME);
        put(&mut cushion, 2 * FRAME);
        assert_eq!(take(&mut cushion), (sound(2 * FRAME, FRAME), false));
        assert_eq!(take(&mut cushion), (sound(3 * FRAME, FRAME), false));
    }

    #[test]
    fn what_was_lost_is_a_silence_of_its_length_and_what_is_too_late_is_left_out() {
        let mut cushion = Cushion::default();
        for n in [0, 1, 3] {
            put(&mut cushion, n * FRAME);
        }
        take(&mut cushion);
        take(&mut cushion);
        assert_eq!(take(&mut cushion), (SILENCE.to_vec(), false));
        put(&mut cushion, 2 * FRAME);
        assert_eq!(take(&mut cushion), (sound(3 * FRAME, FRAME), false));
    }

    #[test]
    fn a_talk_spurt_ends_and_another_begins() {
        let mut cushion = Cushion::default();
        put(&mut cushion, 0);
        put(&mut cushion, FRAME);
        take(&mut cushion);
        take(&mut cushion);
        assert_eq!(take(&mut cushion), (SILENCE.to_vec(), true), "it ran out, once");
        assert_eq!(take(&mut cushion), (SILENCE.to_vec(), false));
        put(&mut cushion, 80_000);
        assert_eq!(take(&mut cushion), (SILENCE.to_vec(), false), "gathering again");
        put(&mut cushion, 80_000 + FRAME);
        assert_eq!(take(&mut cushion), (sound(80_000, FRAME), false));
    }

    #[test]
    fn a_burst_or_a_clock_that_runs_ahead_does_not_pile_up() {
        let mut cushion = Cushion::default();
        for n in 0..100 {
            put(&mut cushion, n * FRAME);
            assert!(cushion.waiting() <= DEPTH_MAX);
        }
        let (heard, _) = take(&mut cushion);
        assert!(heard[0] as u32 >= 90 * FRAME, "what is old was passed over");
    }

    #[test]
    fn packets_of_60_ms_need_more() {
        let mut cushion = Cushion::default();
        cushion.put(0, true, &sound(0, 3 * FRAME));
        assert_eq!(take(&mut cushion), (SILENCE.to_vec(), false));
        cushion.put(3 * FRAME, false, &sound(3 * FRAME, 3 * FRAME));
        for n in 0..6 {
            assert_eq!(take(&mut cushion), (sound(n * FRAME, FRAME), false));
        }
    }

    #[test]
    fn any_packets_at_all_leave_it_whole() {
        let mut cushion = Cushion::default();
        let mut at = 1u32;
        for n in 0..20_000u32 {
            at = at.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            cushion.put(at >> (n % 20), n.is_multiple_of(7), &sound(at, at % 1_200));
            take(&mut cushion);
            assert!(cushion.waiting() <= CAPACITY);
        }
    }
}
