//! JSON lines: a header, then one object a line.
//!
//! A writer may be killed at any byte, so a last line without its newline that does not parse is
//! dropped and counted as torn. Anything else that does not parse is an error with its line.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of all formats in this crate; raised when a reader of the old one would misread.
pub const FORMAT_VERSION: u32 = 1;

/// Which file this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// `history.jsonl`
    #[serde(rename = "shakedown-history")]
    History,
    /// `faults.jsonl`
    #[serde(rename = "shakedown-faults")]
    Faults,
    /// `run.jsonl`
    #[serde(rename = "shakedown-run")]
    Run,
    /// `trace/<node>.jsonl`
    #[serde(rename = "shakedown-trace")]
    Trace,
}

/// The first line of `history.jsonl`, `faults.jsonl` and `run.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Which file this is.
    pub format: Format,
    /// [`FORMAT_VERSION`] of the writer.
    pub version: u32,
    /// The run's seed.
    pub seed: u64,
    /// Name, version and commit of the writer: `shakedown 0.1.0 (1a2b3c4)`.
    pub tool: String,
    /// The command line.
    #[serde(default)]
    pub argv: Vec<String>,
    /// What the machine's monotonic clock showed at the run's start, in nanoseconds: a node's trace
    /// stamps less this are the history's times, where all ran on one machine.
    #[serde(default)]
    pub origin_mono_ns: u64,
    /// UTC wall clock at the run's start, RFC 3339.
    #[serde(default)]
    pub started: String,
}

/// A file of records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not what the format asks for.
    #[error("{}:{line}: {why}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl ReadError {
    /// An error about one line, counted from 1.
    pub fn line(path: &Path, line: usize, why: impl ToString) -> Self {
        Self::Line {
            path: path.to_owned(),
            line,
            why: why.to_string(),
        }
    }
}

/// What was read from one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines<T> {
    /// The first line.
    pub header: Header,
    /// The records, in order; record `i` stood on line `i + 2`.
    pub records: Vec<T>,
    /// Whether a torn last line was dropped.
    pub torn: bool,
}

/// Reads a file of `format`.
///
/// # Errors
/// If the file cannot be read, its header is missing, of another format or of a newer version, or a
/// line other than a torn last one does not parse.
pub fn read<T: DeserializeOwned>(path: &Path, format: Format) -> Result<Lines<T>, ReadError> {
    let bytes = fs::read(path).map_err(|source| ReadError::Io {
        path: path.to_owned(),
        source,
    })?;
    parse(path, &bytes, format)
}

/// [`read`] for bytes at hand; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn parse<T: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    format: Format,
) -> Result<Lines<T>, ReadError> {
    let mut lines = numbered_lines(bytes);
    let Some((_, first, _)) = lines.next() else {
        return Err(ReadError::line(
            path,
            1,
            "empty file: the header line is missing",
        ));
    };
    let header: Header = serde_json::from_slice(first)
        .map_err(|e| ReadError::line(path, 1, format!("not a header: {e}")))?;
    check_header(path, &header, format)?;
    let mut records = Vec::new();
    let mut torn = false;
    for (number, line, complete) in lines {
        match serde_json::from_slice(line) {
            Ok(record) => records.push(record),
            Err(_) if !complete => torn = true,
            Err(e) => return Err(ReadError::line(path, number, e)),
        }
    }
    Ok(Lines {
        header,
        records,
        torn,
    })
}

fn check_header(path: &Path, header: &Header, format: Format) -> Result<(), ReadError> {
    if header.format != format {
        let why = format!("this is a {:?} file, expected {format:?}", header.format);
        return Err(ReadError::line(path, 1, why));
    }
    check_version(path, 1, header.version)
}

pub(crate) fn check_version(path: &Path, line: usize, version: u32) -> Result<(), ReadError> {
    if version == FORMAT_VERSION {
        return Ok(());
    }
    let why = format!("format version {version}; this build reads version {FORMAT_VERSION}");
    Err(ReadError::line(path, line, why))
}

/// Splits into (line number from 1, line without newline, had a newline); an empty rest is no line.
pub(crate) fn numbered_lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8], bool)> {
    bytes
        .split_inclusive(|b| *b == b'\n')
        .enumerate()
        .map(|(i, line)| match line.strip_suffix(b"\n") {
            Some(line) => (i + 1, line, true),
            None => (i + 1, line, false),
        })
}

/// Writes one record and its newline in a single `write`, so that a killed process leaves whole
/// lines.
///
/// # Errors
/// If the sink cannot take it.
pub fn write_line<T: Serialize>(sink: &mut impl Write, record: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    sink.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const HEADER: &str = r#"{"format":"shakedown-faults","version":1,"seed":7,"tool":"t"}"#;

    fn parsed(rest: &str) -> Result<Lines<Value>, ReadError> {
        parse(
            Path::new("f"),
            format!("{HEADER}\n{rest}").as_bytes(),
            Format::Faults,
        )
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_said() {
        let lines = parsed("{\"a\":1}\n{\"a\":").unwrap();
        assert_eq!((lines.records.len(), lines.torn), (1, true));
        let lines = parsed("{\"a\":1}\n{\"a\":2}").unwrap();
        assert_eq!(
            (lines.records.len(), lines.torn),
            (2, false),
            "whole but for its newline"
        );
    }

    #[test]
    fn anything_else_malformed_is_an_error_with_its_line() {
        let error = parsed("{\"a\":1}\n{\"a\":\n{\"a\":2}\n")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("f:3: "), "{error}");
        let error = parsed("nonsense\n").unwrap_err().to_string();
        assert!(error.starts_with("f:2: "), "{error}");
    }

    #[test]
    fn a_header_of_another_format_or_version_is_refused() {
        let wrong = parse::<Value>(Path::new("f"), HEADER.as_bytes(), Format::History);
        assert!(wrong.unwrap_err().to_string().contains("expected History"));
        let newer = HEADER.replace("\"version\":1", "\"version\":2");
        let wrong = parse::<Value>(Path::new("f"), newer.as_bytes(), Format::Faults);
        assert!(wrong.unwrap_err().to_string().contains("format version 2"));
        assert!(parse::<Value>(Path::new("f"), b"", Format::Faults).is_err());
    }
}
