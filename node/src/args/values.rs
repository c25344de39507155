//! The values of flags that are more than a number or a name.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use shakedown_history::NodeId;
use shakedown_history::event::ReadMode;

/// `n1=10.0.0.1:7000`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub node: NodeId,
    /// Where it listens for its peers.
    pub address: SocketAddr,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (node, address) = text.split_once('=').ok_or("write NODE=IP:PORT")?;
        Ok(Self {
            node: node.parse().map_err(|e| format!("{e}"))?,
            address: address.parse().map_err(|e| format!("{address:?}: {e}"))?,
        })
    }
}

/// `150..300`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (min, max) = text.split_once("..").ok_or("write MIN..MAX")?;
        let number = |text: &str| text.parse().map_err(|e| format!("{text:?}: {e}"));
        let (min, max) = (number(min)?, number(max)?);
        if min == 0 || min > max {
            return Err("the range must not be empty, and start above zero".to_owned());
        }
        Ok(Self { min, max })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)
    }
}

/// How long a leader's lease is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseLength {
    /// There are no leases.
    Off,
    /// As long as is safe with the election timeouts and the clocks' drift.
    Auto,
    /// So many milliseconds.
    Milliseconds(u64),
}

impl FromStr for LeaseLength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" | "0" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            text => match text.parse() {
                Ok(ms) => Ok(Self::Milliseconds(ms)),
                Err(_) => Err("write off, auto or milliseconds".to_owned()),
            },
        }
    }
}

/// `index`, `lease` or `local`.
///
/// # Errors
/// If it is none of them.
pub fn parse_read_mode(text: &str) -> Result<ReadMode, String> {
    match text {
        "index" => Ok(ReadMode::Index),
        "lease" => Ok(ReadMode::Lease),
        "local" => Ok(ReadMode::Local),
        _ => Err("write index, lease or local".to_owned()),
    }
}
