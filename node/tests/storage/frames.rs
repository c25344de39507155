//! One frame, by itself: a whole one, an interrupted one and a damaged one are told apart.

use shakedown_node::storage::frame::{Decoded, Place, decode, encode};
use shakedown_raft::Index;

const FILE_LEN: usize = 4096;

fn place(offset: usize) -> Place {
    Place {
        sequence: 3,
        offset,
    }
}

/// A file with two frames, and where the second begins and ends.
fn two_frames() -> (Vec<u8>, usize, usize) {
    let mut bytes = encode(place(0), Index(1), &[7; 900]);
    let second = bytes.len();
    bytes.extend(encode(place(second), Index(2), &[9; 900]));
    let end = bytes.len();
    bytes.resize(FILE_LEN, 0);
    (bytes, second, end)
}

#[test]
fn a_frame_comes_back_and_tells_where_it_ends() {
    let (bytes, second, end) = two_frames();
    let first = Decoded::Frame {
        payload: &[7; 900],
        upto: Index(1),
        end: second,
    };
    assert_eq!(decode(&bytes, place(0)), first);
    assert_eq!(decode(&bytes, place(end)), Decoded::End);
    assert_eq!(decode(&bytes, place(FILE_LEN)), Decoded::End);
    assert_eq!(decode(&bytes, place(FILE_LEN + 32)), Decoded::End);
}

#[test]
fn a_prefix_is_torn_whatever_it_carries() {
    for payload in [
        vec![9; 900],
        vec![0; 900],
        vec![],
        vec![0; 3000],
        vec![0xff; 31],
    ] {
        let frame = encode(place(32), Index(1), &payload);
        let written = 32 + payload.len() + 1;
        for cut in 1..written {
            let mut bytes = vec![0; FILE_LEN];
            bytes[32..32 + cut].copy_from_slice(&frame[..cut]);
            match decode(&bytes, place(32)) {
                Decoded::Torn => {}
                Decoded::Frame { payload: found, .. } => {
                    assert_eq!(found, payload, "only a tail of zeros can be missing");
                }
                found => panic!("cut at {cut}: {found:?}"),
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_corruption_wherever_it_matters() {
    let (bytes, second, end) = two_frames();
    for at in 0..end {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let start = if at < second { 0 } else { second };
        match decode(&flipped, place(start)) {
            Decoded::Corrupt(damage) => {
                let next = (start == 0).then_some(second);
                assert_eq!(damage.next, next, "byte {at}");
                let header = at - start < 32;
                assert_eq!(damage.upto.is_none(), header, "byte {at}");
            }
            // The byte behind the payload and the padding are not its contents.
            found => assert_eq!(found, decode(&bytes, place(start)), "byte {at}"),
        }
    }
}

#[test]
fn zeros_in_the_payload_are_not_taken_for_sectors_that_were_lost() {
    let mut bytes = encode(place(0), Index(1), &[vec![5; 100], vec![0; 2000]].concat());
    bytes.resize(FILE_LEN, 0);
    bytes[50] ^= 1;
    assert!(matches!(decode(&bytes, place(0)), Decoded::Corrupt(_)));
}

#[test]
fn a_frame_in_the_wrong_place_is_corruption() {
    let (bytes, second, _) = two_frames();
    let moved = &bytes[second..];
    assert!(matches!(decode(moved, place(0)), Decoded::Corrupt(_)));
    let other_file = Place {
        sequence: 4,
        offset: 0,
    };
    assert!(matches!(decode(&bytes, other_file), Decoded::Corrupt(_)));
}
