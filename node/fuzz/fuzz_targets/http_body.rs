//! The body of `POST /v1/txn`: whatever it is, it is refused or it survives the log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown_node::api::Transaction;
use shakedown_node::kv::Command;

fuzz_target!(|body: &[u8]| {
    if let Ok(Transaction::Writes(command)) = Transaction::parse(body) {
        assert_eq!(Command::decode(&command.encode()), command);
    }
});
