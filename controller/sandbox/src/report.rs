//! What a child in fresh namespaces tells the process outside, over a pipe: that a step failed,
//! or how its own child ended. An exit code alone could not tell 137 from SIGKILL.

use crate::exit::Exit;
use crate::setup::{Failure, Step};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::{read, write};
use std::os::fd::OwnedFd;

/// Sent once, as six bytes: a tag, a step (or nothing), a number. A pipe takes them whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// A step failed.
    Failed(Failure),
    /// All steps went well, and the process inside has ended.
    Ended(Exit),
}

const LENGTH: usize = 6;

impl Report {
    /// Writes the report. Allocates nothing.
    pub(crate) fn send(self, pipe: &OwnedFd) {
        // Nobody is left to tell if the reader is gone.
        let _ = write(pipe, &self.encode());
    }

    /// The report in the pipe; none if its writer died before it could write one. All writers
    /// must have ended or closed the pipe.
    pub(crate) fn receive(pipe: &OwnedFd) -> nix::Result<Option<Report>> {
        let mut bytes = [0; LENGTH];
        match read(pipe, &mut bytes)? {
            LENGTH => Ok(Report::decode(bytes)),
            _ => Ok(None),
        }
    }

    fn encode(self) -> [u8; LENGTH] {
        let (tag, step, number) = match self {
            Report::Failed(failure) => (b'f', failure.step as u8, failure.errno as i32),
            Report::Ended(Exit::Code(code)) => (b'c', 0, code),
            Report::Ended(Exit::Signal(signal)) => (b's', 0, signal as i32),
        };
        let [a, b, c, d] = number.to_le_bytes();
        [tag, step, a, b, c, d]
    }

    fn decode([tag, step, a, b, c, d]: [u8; LENGTH]) -> Option<Report> {
        let number = i32::from_le_bytes([a, b, c, d]);
        match tag {
            b'f' => {
                let step = Step::ALL.get(usize::from(step))?;
                Some(Report::Failed(step.failed(Errno::from_raw(number))))
            }
            b'c' => Some(Report::Ended(Exit::Code(number))),
            b's' => Some(Report::Ended(Exit::Signal(Signal::try_from(number).ok()?))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::OFlag;
    use nix::unistd::pipe2;

    #[test]
    fn every_report_arrives_as_it_was_sent() {
        let failures = Step::ALL.map(|step| Report::Failed(step.failed(Errno::EPERM)));
        let ends = [
            Report::Ended(Exit::Code(137)),
            Report::Ended(Exit::Code(-1)),
            Report::Ended(Exit::Signal(Signal::SIGKILL)),
        ];
        for report in failures.into_iter().chain(ends) {
            let (receiver, sender) = pipe2(OFlag::O_CLOEXEC).unwrap();
            report.send(&sender);
            assert_eq!(Report::receive(&receiver), Ok(Some(report)));
        }
    }

    #[test]
    fn a_writer_that_died_leaves_no_report() {
        let (receiver, sender) = pipe2(OFlag::O_CLOEXEC).unwrap();
        drop(sender);
        assert_eq!(Report::receive(&receiver), Ok(None));
    }
}
