//! Numbers of varying length, as entries and checkpoints have them: seven bits a byte, the lowest first (LEB128).

/// The longest number, in bytes.
const VARINT_MAX: usize = 10;

pub(crate) fn put_varint(buffer: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        buffer.push(n as u8 | 0x80);
        n >>= 7;
    }
    buffer.push(n as u8);
}

/// Small numbers of either sign stay short: 0, −1, 1, −2 … become 0, 1, 2, 3 …
pub(crate) fn put_signed(buffer: &mut Vec<u8>, n: i64) {
    put_varint(buffer, ((n << 1) ^ (n >> 63)) as u64);
}

/// A cursor over bytes that were written by the functions above, or by something else entirely.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut n = 0u64;
        for place in 0..VARINT_MAX {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let shift = 7 * place as u32;
            // The tenth byte has room for one bit.
            if place == VARINT_MAX - 1 && bits > 1 {
                return None;
            }
            n |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(n);
            }
        }
        None
    }

    pub(crate) fn varint_u32(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let n = self.varint()?;
        Some((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    /// Bytes behind their length.
    pub(crate) fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(n in any::<u64>(), shift in 0u32..64, s in any::<i64>()) {
            let n = n >> shift;
            let s = s >> shift;
            let mut bytes = Vec::new();
            put_varint(&mut bytes, n);
            prop_assert!(bytes.len() <= VARINT_MAX);
            put_signed(&mut bytes, s);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint(), Some(n));
            prop_assert_eq!(reader.signed(), Some(s));
            prop_assert!(reader.is_empty());
            prop_assert_eq!(reader.byte(), None);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..30)) {
            let mut reader = Reader::new(&bytes);
            while reader.varint().is_some() {}
            let mut reader = Reader::new(&bytes);
            while reader.counted().is_some() {}
        }
    }

    #[test]
    fn a_number_beyond_64_bits_is_refused() {
        let mut bytes = [0xff; 10];
        bytes[9] = 0x01;
        assert_eq!(Reader::new(&bytes).varint(), Some(u64::MAX));
        bytes[9] = 0x02;
        assert_eq!(Reader::new(&bytes).varint(), None);
    }
}
