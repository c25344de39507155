//! No file can make reading a log panic, and no log that is read has a gap.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown_history::Index;
use shakedown_node::storage::frame::{self, Place};
use shakedown_node::storage::scan::Scanner;
use shakedown_node::storage::segment::FILE_HEADER;

/// Two segments: either bytes as they come, or frames whose checksums are right, with payloads as they come.
type Input = (u64, [(bool, Vec<Vec<u8>>); 2]);

fuzz_target!(|input: Input| {
    let (covered, segments) = input;
    let mut scanner = Scanner::new(Index(covered));
    for (sequence, (framed, parts)) in (1..).zip(segments) {
        let bytes = match framed {
            true => frames(sequence, &parts),
            false => parts.concat(),
        };
        scanner.segment(sequence, &bytes);
    }
    let scan = scanner.finish();
    for (nth, entry) in (1..).zip(&scan.entries) {
        assert_eq!(entry.id.index.0, scan.base.id.index.0 + nth);
    }
});

fn frames(sequence: u64, payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = FILE_HEADER.to_vec();
    for payload in payloads {
        let offset = bytes.len();
        let place = Place { sequence, offset };
        bytes.extend(frame::encode(place, Index(sequence), payload));
    }
    bytes
}
