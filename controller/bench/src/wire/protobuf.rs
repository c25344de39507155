//! As much of protobuf's encoding as a handful of small messages needs.
//!
//! A message is a row of fields, each a tag (number and wire type) and a value; see
//! <https://protobuf.dev/programming-guides/encoding/>.

use anyhow::{Context as _, bail};

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED32: u64 = 5;

/// Appends an integer in groups of seven bits, the least first.
pub(crate) fn put_varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Appends the field `number` with some bytes.
pub(crate) fn put_bytes(buffer: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(buffer, number << 3 | LENGTH_DELIMITED);
    put_varint(buffer, bytes.len() as u64);
    buffer.extend_from_slice(bytes);
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// An integer, a boolean or an enum.
    Integer(u64),
    /// Bytes, a string or a message.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The integer, if it is one.
    pub(crate) fn integer(self) -> Option<u64> {
        match self {
            Self::Integer(value) => Some(value),
            Self::Bytes(_) => None,
        }
    }

    /// The bytes, if it has some.
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Integer(_) => None,
        }
    }
}

/// The fields of a message, as they come.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next field: its number and value; none at the end.
    ///
    /// # Errors
    /// If the message is cut off, or no protobuf.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<(u64, Value<'a>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            VARINT => Value::Integer(self.varint()?),
            FIXED64 => Value::Bytes(self.take(8)?),
            LENGTH_DELIMITED => {
                let len = self.varint()?;
                Value::Bytes(self.take(usize::try_from(len)?)?)
            }
            FIXED32 => Value::Bytes(self.take(4)?),
            other => bail!("protobuf has no wire type {other}"),
        };
        Ok(Some((tag >> 3, value)))
    }

    /// The first field with this number.
    ///
    /// # Errors
    /// As [`Fields::next`].
    pub(crate) fn find(mut self, wanted: u64) -> anyhow::Result<Option<Value<'a>>> {
        while let Some((number, value)) = self.next()? {
            if number == wanted {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn take(&mut self, len: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .context("a protobuf message is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> anyhow::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        bail!("a protobuf integer is longer than 64 bits")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        let mut buffer = Vec::new();
        put_varint(&mut buffer, 150);
        assert_eq!(buffer, [0x96, 0x01]);
        buffer.clear();
        put_bytes(&mut buffer, 2, b"testing");
        assert_eq!(buffer, b"\x12\x07testing");
    }

    #[test]
    fn a_field_is_found_behind_others_of_every_type() {
        let message = b"\x08\x96\x01\x11AAAAAAAA\x1dBBBB\x22\x02hi";
        let found = |number| Fields(message).find(number).unwrap();
        assert_eq!(found(1), Some(Value::Integer(150)));
        assert_eq!(found(4), Some(Value::Bytes(b"hi")));
        assert_eq!(found(5), None);
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_an_error() {
        for wrong in [&b"\x12\x07test"[..], b"\x08\x96", b"\x0b", &[0xff; 11]] {
            assert!(Fields(wrong).find(9).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(number in 1u64..1 << 29, bytes: Vec<u8>, integer: u64) {
            let mut buffer = Vec::new();
            put_bytes(&mut buffer, number, &bytes);
            put_varint(&mut buffer, 1 << 3);
            put_varint(&mut buffer, integer);
            let mut fields = Fields(&buffer);
            prop_assert_eq!(fields.next().unwrap(), Some((number, Value::Bytes(&bytes))));
            prop_assert_eq!(fields.next().unwrap(), Some((1, Value::Integer(integer))));
            prop_assert_eq!(fields.next().unwrap(), None);
        }

        #[test]
        fn hostile_bytes_end_in_an_error_or_at_the_end(bytes: Vec<u8>) {
            let mut fields = Fields(&bytes);
            let mut left = bytes.len() + 1;
            while let Ok(Some(_)) = fields.next() {
                prop_assert!(fields.0.len() < left, "each field is shorter than the rest");
                left = fields.0.len();
            }
        }
    }
}
