//! A node that does nothing but serve `/v1/status`, for the tests: `bare-node <address file>`.
//!
//! It writes where it listens into that file, and `hello` to its stdout.

#![expect(clippy::print_stdout, reason = "the agent shall log it")]

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use shakedown_clock::Clock;

fn main() -> io::Result<()> {
    let address_file = std::env::args()
        .nth(1)
        .expect("usage: bare-node <address file>");
    for _ in 0..3 {
        // So that a pause has more to stop than one thread.
        thread::spawn(|| thread::sleep(Duration::from_secs(1000)));
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("hello {}", std::env::var("GREETING").unwrap_or_default());
    let unfinished = format!("{address_file}.new");
    fs::write(&unfinished, listener.local_addr()?.to_string())?;
    fs::rename(unfinished, address_file)?;
    for stream in listener.incoming() {
        // Whoever asked may have lost patience.
        answer(stream?).ok();
    }
    Ok(())
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut request = [0; 1024];
    let _len = stream.read(&mut request)?;
    let (realtime_ns, monotonic_ns) = (Clock::Realtime.now_ns(), Clock::Monotonic.now_ns());
    write!(
        stream,
        "HTTP/1.0 200 OK\r\n\r\n\
         {{\"clock\":{{\"realtime_ns\":{realtime_ns},\"monotonic_ns\":{monotonic_ns}}}}}"
    )
}
