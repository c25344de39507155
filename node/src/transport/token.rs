//! Proof of the shared token, without sending it: HMAC-SHA256 (RFC 2104) over a greeting and both
//! sides' random numbers, so that neither an old proof nor the other side's own is one.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const BLOCK_LEN: usize = 64;

/// What all nodes of a cluster know and nobody else does. Empty where anybody may speak.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PeerToken(Vec<u8>);

impl PeerToken {
    /// A token of these bytes.
    #[must_use]
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(secret.into())
    }

    /// That its holder has read `message`.
    pub(super) fn prove(&self, message: &[u8]) -> Proof {
        let mut key = [0; BLOCK_LEN];
        if self.0.len() > BLOCK_LEN {
            key[..32].copy_from_slice(&Sha256::digest(&self.0));
        } else {
            key[..self.0.len()].copy_from_slice(&self.0);
        }
        let padded = |pad: u8| key.map(|byte| byte ^ pad);
        let inner = Sha256::new()
            .chain_update(padded(0x36))
            .chain_update(message);
        let outer = Sha256::new()
            .chain_update(padded(0x5c))
            .chain_update(inner.finalize());
        Proof(outer.finalize().into())
    }
}

impl fmt::Debug for PeerToken {
    /// Logs are read by more people than the token is for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerToken(..)")
    }
}

/// That somebody knows the token.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Proof([u8; 32]);

impl Proof {
    /// Whether both are the same, in a time that does not tell where they differ.
    pub(super) fn matches(&self, other: &Self) -> bool {
        let differing = self.0.iter().zip(&other.0);
        differing.fold(0, |all, (a, b)| all | (a ^ b)) == 0
    }
}

/// A number that nobody can foresee and that never comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Nonce([u8; 16]);

impl Nonce {
    /// Draws one.
    pub(super) fn draw() -> io::Result<Self> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(proof: Proof) -> String {
        proof.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231, test cases 2 and 6.
    #[test]
    fn a_proof_is_the_hmac_of_the_standard() {
        let short = PeerToken::new("Jefe").prove(b"what do ya want for nothing?");
        assert_eq!(
            hex(short),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = PeerToken::new([0xaa; 131])
            .prove(b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(
            hex(long),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn only_the_same_token_and_message_give_the_same_proof() {
        let proof = PeerToken::new("a").prove(b"x");
        assert!(proof.matches(&PeerToken::new("a").prove(b"x")));
        assert!(!proof.matches(&PeerToken::new("b").prove(b"x")));
        assert!(!proof.matches(&PeerToken::new("a").prove(b"y")));
    }

    #[test]
    fn a_token_does_not_get_into_logs() {
        assert_eq!(format!("{:?}", PeerToken::new("secret")), "PeerToken(..)");
    }
}
