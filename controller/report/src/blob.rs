//! Data inside a page: JSON, gzipped, as base64 text.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, GzBuilder};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Encodes `data`. The alphabet of base64 holds nothing that HTML could take for markup.
pub(crate) fn encode<T: Serialize>(data: &T) -> String {
    let json = serde_json::to_vec(data).expect("the page's own data has string keys only");
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::new(6));
    gzip.write_all(&json)
        .expect("writing to memory does not fail");
    STANDARD.encode(gzip.finish().expect("writing to memory does not fail"))
}

/// The source expression by which a content security policy names a script: `sha256-…`.
pub(crate) fn csp_hash(script: &str) -> String {
    format!(
        "sha256-{}",
        STANDARD.encode(Sha256::digest(script.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_of_the_csp_specification() {
        // The example of CSP Level 3, section 7.4 is `alert('Hello, world.');`.
        let hash = csp_hash("alert('Hello, world.');");
        assert_eq!(hash, "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }

    #[test]
    fn the_same_data_gives_the_same_text() {
        assert_eq!(encode(&[1, 2, 3]), encode(&[1, 2, 3]));
        assert!(
            encode(&[1]).starts_with("H4sI"),
            "a gzip header with no time in it"
        );
    }
}
