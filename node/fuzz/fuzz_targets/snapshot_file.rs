//! No file can make reading a snapshot panic, and one that is read is written the same way.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown_history::Index;
use shakedown_node::storage::frame::{self, Place};
use shakedown_node::storage::snapshots::{FILE_HEADER, decode, encode};

/// Bytes as they come; or, with a right checksum, a head and contents as they come.
type Input = (bool, Vec<u8>, Vec<u8>);

fuzz_target!(|input: Input| {
    let (framed, head, data) = input;
    let bytes = match framed {
        true => {
            let place = Place {
                sequence: 0,
                offset: FILE_HEADER.len(),
            };
            let head = frame::encode(place, Index(0), &head);
            [&FILE_HEADER[..], &head, &data].concat()
        }
        false => [head, data].concat(),
    };
    if let Some(snapshot) = decode(bytes) {
        assert_eq!(decode(encode(&snapshot)).as_ref(), Some(&snapshot));
    }
});
