//! What the switch reads in a frame, and how it corrupts one.

use crate::host::Host;
use std::net::Ipv4Addr;

/// The kernel's note about the frame: `struct virtio_net_hdr`.
const NOTE: usize = 10;
const ETHERNET: usize = 14;
/// Where the IPv4 header starts.
const IP: usize = NOTE + ETHERNET;
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
/// In the note's flags: the receiving kernel is to fill in the checksum, or to trust it.
const CHECKSUM_UNFINISHED: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Where the frame wants to go; none unless it is IPv4 to a single host.
pub(super) fn destination(frame: &[u8]) -> Option<Host> {
    let is_ipv4 = frame.get(NOTE + 12..IP)? == ETHERTYPE_IPV4 && frame.get(IP)? >> 4 == 4;
    let address: [u8; 4] = frame.get(IP + 16..IP + 20)?.try_into().expect("four bytes");
    if is_ipv4 {
        Host::at(Ipv4Addr::from(address))
    } else {
        None
    }
}

/// The packet's size from the IP header on.
pub(super) fn packet_length(frame: &[u8]) -> usize {
    frame.len().saturating_sub(IP)
}

/// Flips the bit of the TCP or UDP payload that `choice` selects, and keeps the checksum right.
/// Whether there was a payload.
pub(super) fn corrupt(frame: &mut [u8], choice: u64) -> bool {
    let Some((checksum, payload)) = checksum_and_payload(frame) else {
        return false;
    };
    let bits = (frame.len() - payload) as u64 * 8;
    if bits == 0 {
        return false;
    }
    let bit = usize::try_from(choice % bits).expect("below a frame's size");
    let (at, mask) = (payload + bit / 8, 1 << (bit % 8));
    // The checksum adds up 16-bit words; an odd offset from IP is a word's low byte.
    let word = payload_word(frame, at);
    let before = word(frame);
    frame[at] ^= mask;
    let after = word(frame);
    if frame[0] & CHECKSUM_UNFINISHED == 0 {
        update_checksum(&mut frame[checksum..checksum + 2], before, after);
    }
    true
}

/// Where the transport's checksum and its payload start.
fn checksum_and_payload(frame: &[u8]) -> Option<(usize, usize)> {
    let header_length = usize::from(frame.get(IP)? & 15) * 4;
    let transport = IP + header_length;
    let (checksum, payload) = match *frame.get(IP + 9)? {
        TCP => {
            let words = usize::from(frame.get(transport + 12)? >> 4);
            (transport + 16, transport + words * 4)
        }
        UDP => (transport + 6, transport + 8),
        _ => return None,
    };
    (payload <= frame.len()).then_some((checksum, payload))
}

/// Reads the 16-bit word of the packet in which the byte at `at` lies. Headers are of even
/// length, so that words start at even offsets from IP.
fn payload_word(frame: &[u8], at: usize) -> impl Fn(&[u8]) -> u16 + use<> {
    let start = at - (at - IP) % 2;
    let length = frame.len();
    move |frame| {
        let low = if start + 1 < length {
            frame[start + 1]
        } else {
            0
        };
        u16::from_be_bytes([frame[start], low])
    }
}

/// Adjusts an internet checksum to the change of one word (RFC 1624, equation 3).
fn update_checksum(checksum: &mut [u8], before: u16, after: u16) {
    let old = u16::from_be_bytes([checksum[0], checksum[1]]);
    let mut sum = u32::from(!old) + u32::from(!before) + u32::from(after);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let new = !u16::try_from(sum).expect("folded to 16 bits");
    checksum.copy_from_slice(&new.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A UDP frame with this payload and a right checksum.
    fn udp_frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; IP + 28];
        frame[NOTE + 12..IP].copy_from_slice(&ETHERTYPE_IPV4);
        frame[IP] = 0x45;
        frame[IP + 9] = UDP;
        frame[IP + 12..IP + 16].copy_from_slice(&[10, 88, 0, 1]);
        frame[IP + 16..IP + 20].copy_from_slice(&[10, 88, 0, 2]);
        frame.extend(payload);
        let sum = !transport_sum(&frame);
        frame[IP + 26..IP + 28].copy_from_slice(&sum.to_be_bytes());
        frame
    }

    /// The ones' complement sum over UDP header and payload; all ones where the checksum is
    /// right (leaving the constant pseudo header out of both).
    fn transport_sum(frame: &[u8]) -> u16 {
        let words = frame[IP + 20..].chunks(2);
        let mut sum: u32 = words
            .map(|w| u32::from(u16::from_be_bytes([w[0], *w.get(1).unwrap_or(&0)])))
            .sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::try_from(sum).unwrap()
    }

    #[test]
    fn a_frame_goes_where_its_ip_header_says() {
        let frame = udp_frame(b"hello");
        assert_eq!(destination(&frame), Some(Host::node(2)));
        assert_eq!(packet_length(&frame), 33);
    }

    #[test]
    fn other_frames_go_nowhere() {
        let mut arp = udp_frame(b"");
        arp[NOTE + 12..IP].copy_from_slice(&[0x08, 0x06]);
        let mut broadcast = udp_frame(b"");
        broadcast[IP + 19] = 255;
        for frame in [&arp[..], &broadcast, &arp[..IP], &[]] {
            assert_eq!(destination(frame), None);
        }
    }

    #[test]
    fn what_has_no_payload_is_not_corrupted() {
        let mut empty = udp_frame(b"");
        let before = empty.clone();
        assert!(!corrupt(&mut empty, 7));
        assert_eq!(empty, before);
        assert!(!corrupt(&mut [0; 3], 7));
    }

    proptest! {
        #[test]
        fn corruption_flips_one_bit_of_the_payload_and_keeps_the_checksum_right(
            payload in prop::collection::vec(any::<u8>(), 1..100),
            choice: u64,
        ) {
            let original = udp_frame(&payload);
            let mut frame = original.clone();
            prop_assert!(corrupt(&mut frame, choice));
            prop_assert_eq!(transport_sum(&frame), 0xffff);
            let flipped: u32 = frame[IP + 28..]
                .iter()
                .zip(&original[IP + 28..])
                .map(|(a, b)| (a ^ b).count_ones())
                .sum();
            prop_assert_eq!(flipped, 1);
            prop_assert_eq!(&frame[..IP + 26], &original[..IP + 26]);
        }
    }
}
