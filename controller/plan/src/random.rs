//! Where every choice of a run comes from: one seed, and a stream of random numbers for each use.

use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The random numbers of one use (`name`) of a run's seed. Streams of different names are
/// independent: one more draw in one of them moves nothing in another, so that a change of the
/// workload leaves the schedule as it was.
///
/// The key is the seed as it is and the stream number a hash of the name (64-bit FNV-1a), neither of
/// which a new version of a library can change.
#[must_use]
pub fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(fnv1a(name.as_bytes()));
    random
}

/// What peers and clients of a run must prove to know, so that those of another are strangers.
#[must_use]
pub fn token(seed: u64) -> String {
    format!("{:032x}", stream(seed, "token").random::<u128>())
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn streams_depend_on_seed_and_name_and_nothing_else() {
        let first = |seed, name| stream(seed, name).next_u64();
        assert_eq!(first(1, "schedule"), first(1, "schedule"));
        assert_ne!(first(1, "schedule"), first(2, "schedule"));
        assert_ne!(first(1, "schedule"), first(1, "workload"));
    }

    #[test]
    fn every_seed_has_a_token_of_its_own() {
        assert_eq!(token(1), token(1));
        assert_ne!(token(1), token(2));
        assert_eq!(token(1).len(), 32);
    }

    #[test]
    fn the_numbers_are_the_same_for_ever() {
        assert_eq!(stream(1, "schedule").next_u64(), 17_730_558_094_001_912_574);
    }
}
