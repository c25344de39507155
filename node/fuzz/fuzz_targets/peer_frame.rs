//! Whatever bytes a peer sends: an error or a message, never a panic; and what is a message is
//! framed again to the same one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown_node::transport::{decode_message, encode_message};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = decode_message(bytes) {
        let again = decode_message(&encode_message(&message)).expect("what was framed is a frame");
        assert_eq!(again, message);
    }
    // The checksum keeps most of what a fuzzer makes up away from the decoder behind it.
    let mut framed = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    framed.extend(crc32c::crc32c(bytes).to_le_bytes());
    framed.extend(bytes);
    let _ = decode_message(&framed);
});
