//! Reads that the log does not see.

use shakedown_history::event::ReadMode;
use shakedown_history::{Event, Index, LogId, Term};
use tokio::sync::mpsc::UnboundedSender;

use super::Driver;
use crate::kv::{Applied, Decision, Outcome};
use crate::request::Answer;

impl Driver {
    /// Serves the confirmed reads for which the state machine is far enough (ReadIndex, dissertation
    /// §6.4, step 4).
    pub(super) fn serve_confirmed_reads(&mut self) {
        while let Some(confirmed) = self.clients.take_servable(self.last_applied) {
            let read = confirmed.read;
            self.serve(read.number, read.index, ReadMode::Index);
            self.answer_read(&confirmed.keys, confirmed.term, &confirmed.answer);
        }
    }

    /// The planted bug `stale-read`: whatever this node has applied is the answer.
    pub(super) fn serve_stale_read(&mut self, keys: &[String], answer: &UnboundedSender<Answer>) {
        // The core numbers its reads from 1 too, but with this bug it never sees one.
        let number = self.clients.draw_number();
        self.record(Event::ReadStart { read: number });
        self.serve(number, self.last_applied, ReadMode::Local);
        self.answer_read(keys, self.raft.term(), answer);
    }

    fn serve(&mut self, read: u64, index: Index, mode: ReadMode) {
        let applied = self.last_applied;
        assert!(
            applied >= index,
            "a read is served once what it must see is applied"
        );
        self.record(Event::ReadServed {
            read,
            index,
            applied,
            mode,
        });
    }

    fn answer_read(&mut self, keys: &[String], term: Term, answer: &UnboundedSender<Answer>) {
        let results = self.store.read(keys.iter().map(String::as_str));
        let decision = Decision {
            outcome: Outcome::Done(results),
            at: LogId {
                term,
                index: self.last_applied,
            },
        };
        self.clients
            .answer_applied(answer, Applied::Fresh(decision));
    }
}
