//! HTTP/2 with one request at a time, as far as gRPC servers speak it to such a client (RFC 9113).
//!
//! [`Session`] knows the frames and does no IO. Answers to the server's own frames (settings, pings) go out
//! with the next request, in the same write.

use anyhow::{Context as _, bail, ensure};

const HEADER_LEN: usize = 9;
/// The longest frame that a peer must take, and we take no longer ones.
const PAYLOAD_LEN_MAX: usize = 16_384;
/// How much a peer takes before it grants more, unless it says otherwise.
const WINDOW: i64 = 65_535;
/// What we grant: so much that no answer of ours ever waits.
const OWN_WINDOW: u32 = 1 << 24;
const STREAM_MAX: u32 = (1 << 31) - 1;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// The headers of a request whose fields the server has in its table: method and scheme from the fixed part,
/// then the four that [`full_headers`] added, the latest first.
const KNOWN_HEADERS: [u8; 6] = [0x83, 0x86, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62];

/// A frame as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the frame at the beginning of `bytes`; none if there is more to come.
    ///
    /// # Errors
    /// If it is longer than we said we take.
    pub(crate) fn parse(bytes: &'a [u8]) -> anyhow::Result<Option<Self>> {
        let Some((head, rest)) = bytes.split_at_checked(HEADER_LEN) else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        ensure!(len <= PAYLOAD_LEN_MAX, "an HTTP/2 frame of {len} bytes");
        Ok(rest.get(..len).map(|payload| Self {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & STREAM_MAX,
            payload,
        }))
    }

    /// How long it is on the wire.
    pub(crate) fn len(&self) -> usize {
        HEADER_LEN + self.payload.len()
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn number(&self, at: usize) -> anyhow::Result<u32> {
        let bytes = self.payload.get(at..at + 4);
        let bytes = bytes.context("an HTTP/2 frame is cut off")?;
        Ok(u32::from_be_bytes(bytes.try_into()?))
    }
}

fn put_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let len = u32::try_from(payload.len()).expect("our frames are short");
    out.extend_from_slice(&len.to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    authority: String,
    /// The last request.
    stream: u32,
    /// Whose headers the server has in its table.
    path: Option<&'static str>,
    /// How much the server takes.
    window: i64,
    /// How much it sent that we did not grant anew.
    received: u32,
    answer: Vec<u8>,
    /// What is to be sent.
    pub(crate) out: Vec<u8>,
}

impl Session {
    /// A session with the server at `authority`, `host:port`; its first words are in `out`.
    pub(crate) fn new(authority: String) -> Self {
        let mut settings = Vec::new();
        // Without a table the server's headers depend on nothing before.
        for (name, value) in [
            (HEADER_TABLE_SIZE, 0),
            (ENABLE_PUSH, 0),
            (INITIAL_WINDOW_SIZE, OWN_WINDOW),
        ] {
            settings.extend_from_slice(&name.to_be_bytes());
            settings.extend_from_slice(&value.to_be_bytes());
        }
        let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        put_frame(&mut out, SETTINGS, 0, 0, &settings);
        put_frame(&mut out, WINDOW_UPDATE, 0, 0, &OWN_WINDOW.to_be_bytes());
        Self {
            authority,
            stream: 0,
            path: None,
            window: WINDOW,
            received: 0,
            answer: Vec::new(),
            out,
        }
    }

    /// Adds a gRPC request to `out`. The one before must have been answered.
    ///
    /// # Errors
    /// If the server takes no more, or the connection is used up.
    pub(crate) fn request(&mut self, path: &'static str, body: &[u8]) -> anyhow::Result<()> {
        ensure!(body.len() <= PAYLOAD_LEN_MAX, "the request is too long");
        self.window -= i64::try_from(body.len())?;
        ensure!(self.window >= 0, "the server grants no more HTTP/2 window");
        self.stream = if self.stream == 0 { 1 } else { self.stream + 2 };
        ensure!(
            self.stream <= STREAM_MAX,
            "the HTTP/2 connection is used up"
        );
        if self.path == Some(path) {
            put_frame(
                &mut self.out,
                HEADERS,
                END_HEADERS,
                self.stream,
                &KNOWN_HEADERS,
            );
        } else {
            let headers = full_headers(&self.authority, path);
            put_frame(&mut self.out, HEADERS, END_HEADERS, self.stream, &headers);
            self.path = Some(path);
        }
        put_frame(&mut self.out, DATA, END_STREAM, self.stream, body);
        self.answer.clear();
        Ok(())
    }

    /// Takes a frame of the server. Returns the body of the answer once that is complete.
    ///
    /// # Errors
    /// If the server ends the request or the connection, or says what a gRPC server does not.
    pub(crate) fn receive(&mut self, frame: &Frame<'_>) -> anyhow::Result<Option<&[u8]>> {
        match frame.kind {
            DATA | HEADERS => return self.receive_answer(frame),
            SETTINGS if !frame.has(ACK) => {
                self.obey(frame)?;
                put_frame(&mut self.out, SETTINGS, ACK, 0, b"");
            }
            PING if !frame.has(ACK) => put_frame(&mut self.out, PING, ACK, 0, frame.payload),
            WINDOW_UPDATE if frame.stream == 0 => {
                self.window += i64::from(frame.number(0)? & STREAM_MAX);
            }
            RST_STREAM => bail!("the server resets the call with code {}", frame.number(0)?),
            GOAWAY => bail!("the server closes with code {}", frame.number(4)?),
            CONTINUATION => bail!("the server's headers are too long"),
            // Whatever else there is may be ignored.
            _ => {}
        }
        Ok(None)
    }

    fn receive_answer(&mut self, frame: &Frame<'_>) -> anyhow::Result<Option<&[u8]>> {
        ensure!(
            frame.stream == self.stream,
            "an answer to another request, {}",
            frame.stream
        );
        if frame.kind == DATA {
            ensure!(!frame.has(PADDED), "an answer with padding");
            self.answer.extend_from_slice(frame.payload);
            self.received += u32::try_from(frame.payload.len())?;
            if self.received > OWN_WINDOW / 2 {
                let received = std::mem::take(&mut self.received);
                put_frame(&mut self.out, WINDOW_UPDATE, 0, 0, &received.to_be_bytes());
            }
        }
        Ok(frame.has(END_STREAM).then_some(&self.answer[..]))
    }

    fn obey(&self, settings: &Frame<'_>) -> anyhow::Result<()> {
        for setting in settings.payload.chunks(6) {
            let setting: &[u8; 6] = setting.try_into().context("settings are cut off")?;
            let [name @ .., _, _, _, _] = setting;
            let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
            let smaller = match u16::from_be_bytes(*name) {
                HEADER_TABLE_SIZE => value < 4096,
                INITIAL_WINDOW_SIZE => i64::from(value) < PAYLOAD_LEN_MAX as i64,
                _ => false,
            };
            ensure!(!smaller, "the server takes less than this client sends");
        }
        Ok(())
    }
}

/// The headers of a gRPC request (RFC 7541), of which the last four go into the server's table.
fn full_headers(authority: &str, path: &str) -> Vec<u8> {
    const ADD_WITH_NAME: u8 = 0x40;
    const PATH: u8 = 4;
    const AUTHORITY: u8 = 1;
    const CONTENT_TYPE: u8 = 31;
    let mut block = KNOWN_HEADERS[..2].to_vec();
    let mut text = |first: Option<u8>, text: &str| {
        block.extend(first);
        // A length below 127 is one byte, whose highest bit says that no Huffman code is used.
        block.push(u8::try_from(text.len()).expect("our headers are short"));
        block.extend_from_slice(text.as_bytes());
    };
    text(Some(ADD_WITH_NAME | PATH), path);
    text(Some(ADD_WITH_NAME | AUTHORITY), authority);
    text(Some(ADD_WITH_NAME | CONTENT_TYPE), "application/grpc");
    text(Some(ADD_WITH_NAME), "te");
    text(None, "trailers");
    block
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, kind, flags, stream, payload);
        bytes
    }

    fn receive(session: &mut Session, bytes: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        let frame = Frame::parse(bytes)?.expect("a whole frame");
        Ok(session.receive(&frame)?.map(<[u8]>::to_vec))
    }

    fn asking() -> Session {
        let mut session = Session::new("127.0.0.1:1".to_owned());
        session.request("/a/B", b"question").unwrap();
        session.out.clear();
        session
    }

    #[test]
    fn a_frame_is_whole_or_awaited() {
        let bytes = frame(DATA, END_STREAM, 3, b"abc");
        assert_eq!(bytes, b"\0\0\x03\0\x01\0\0\0\x03abc");
        for len in 0..bytes.len() {
            assert_eq!(Frame::parse(&bytes[..len]).unwrap(), None);
        }
        assert_eq!(Frame::parse(&bytes).unwrap().unwrap().len(), bytes.len());
        assert!(Frame::parse(&[0xff; HEADER_LEN]).is_err(), "far too long");
    }

    #[test]
    fn an_answer_ends_with_its_trailers_and_a_ping_is_answered() {
        let mut session = asking();
        let headers = frame(HEADERS, END_HEADERS, 1, b"?");
        assert_eq!(receive(&mut session, &headers).unwrap(), None);
        let ping = frame(PING, 0, 0, b"12345678");
        assert_eq!(receive(&mut session, &ping).unwrap(), None);
        assert_eq!(session.out, frame(PING, ACK, 0, b"12345678"));
        receive(&mut session, &frame(DATA, 0, 1, b"ans")).unwrap();
        receive(&mut session, &frame(DATA, 0, 1, b"wer")).unwrap();
        let trailers = frame(HEADERS, END_HEADERS | END_STREAM, 1, b"?");
        let answer = receive(&mut session, &trailers).unwrap();
        assert_eq!(answer.unwrap(), b"answer");
    }

    #[test]
    fn what_ends_a_call_is_an_error() {
        for (bytes, reason) in [
            (frame(RST_STREAM, 0, 1, b"\0\0\0\x07"), "code 7"),
            (frame(GOAWAY, 0, 0, b"\0\0\0\x01\0\0\0\x02"), "code 2"),
            (frame(DATA, 0, 9, b"x"), "another request"),
            (frame(SETTINGS, 0, 0, b"\0\x01\0\0\0\0"), "takes less"),
            (frame(GOAWAY, 0, 0, b""), "cut off"),
        ] {
            let error = receive(&mut asking(), &bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn no_more_is_sent_than_the_server_takes() {
        let mut session = asking();
        let body = [0; PAYLOAD_LEN_MAX];
        let sent = (0..9).take_while(|_| session.request("/a/B", &body).is_ok());
        assert_eq!(sent.count(), 3, "four times 16 KiB are more than 64 KiB");
        let grant = frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 20).to_be_bytes());
        receive(&mut session, &grant).unwrap();
        session.request("/a/B", &body).unwrap();
    }

    proptest! {
        #[test]
        fn hostile_bytes_end_in_an_error_or_an_answer(
            kind in 0u8..12, flags: u8, stream in 0u32..4, payload: Vec<u8>, bytes: Vec<u8>,
        ) {
            let _ = receive(&mut asking(), &frame(kind, flags, stream, &payload));
            if let Ok(Some(frame)) = Frame::parse(&bytes) {
                prop_assert!(frame.len() <= bytes.len());
                let _ = asking().receive(&frame);
            }
        }
    }
}
