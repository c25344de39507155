//! What may happen to the packets of one link.

use std::time::Duration;

/// What happens to each packet of a link, independently of the others. The default is nothing.
///
/// Probabilities are from 0 to 1. The kernel hands over large TCP segments whole, so that a
/// probability applies to pieces of up to 64 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PacketFaults {
    /// How long each packet is held back.
    pub delay: Duration,
    /// By how much the delay varies to either side, evenly. Packets may overtake each other.
    pub jitter: Duration,
    /// The probability that a packet is lost.
    pub loss: f64,
    /// The probability that a packet arrives twice.
    pub duplicate: f64,
    /// The probability that a bit of a packet's TCP or UDP payload is flipped. The checksum is
    /// made to match, so that the application is handed the wrong bytes.
    pub corrupt: f64,
    /// The probability that a packet skips the delay and so overtakes those before it.
    pub reorder: f64,
    /// How many bits fit through the link each second; unlimited if none. Packets queue for up
    /// to 200 ms and are lost beyond.
    pub rate_bits_per_second: Option<u64>,
}

impl PacketFaults {
    /// Whether nothing happens to the packets.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == PacketFaults::default()
    }

    /// Asserts that the values make sense.
    pub(crate) fn assert_valid(&self) {
        for probability in [self.loss, self.duplicate, self.corrupt, self.reorder] {
            assert!(
                (0.0..=1.0).contains(&probability),
                "no probability: {self:?}"
            );
        }
        assert_ne!(
            self.rate_bits_per_second,
            Some(0),
            "a rate of 0 is a cut: {self:?}"
        );
    }
}
