//! What the kernel says about a process's threads: `/proc/<pid>/task/*/stat`.

use std::fs;
use std::io;

/// The threads of a process at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Threads {
    /// One letter a thread, in the order of their ids: `R` running, `S` sleeping, `T` stopped, ...
    pub(crate) states: String,
    /// Processor time of the whole process so far, in the kernel's ticks (of 10 ms, nearly always).
    pub(crate) ticks: u64,
}

impl Threads {
    /// Looks.
    pub(crate) fn of(pid: i32) -> io::Result<Self> {
        let mut ids: Vec<i32> = Vec::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            ids.extend(
                entry?
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse::<i32>().ok()),
            );
        }
        ids.sort_unstable();
        let mut states = String::new();
        for id in ids {
            match fs::read_to_string(format!("/proc/{pid}/task/{id}/stat")) {
                Ok(stat) => states.push(parse(&stat)?.state),
                // It has ended since we listed it.
                Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => {}
                Err(e) => return Err(e),
            }
        }
        let process = parse(&fs::read_to_string(format!("/proc/{pid}/stat"))?)?;
        Ok(Self {
            states,
            ticks: process.ticks,
        })
    }

    /// Whether the process stands still: some thread is stopped, and no other can run.
    pub(crate) fn all_stopped(&self) -> bool {
        self.states.contains('T') && self.states.chars().all(|state| "TtZX".contains(state))
    }

    /// Whether none of them is stopped.
    pub(crate) fn none_stopped(&self) -> bool {
        !self.states.contains('T')
    }
}

struct Stat {
    state: char,
    ticks: u64,
}

/// Field 3 is the state, 14 and 15 are the ticks in user and in kernel mode. Field 2 is the name, which may
/// hold blanks and parentheses.
fn parse(stat: &str) -> io::Result<Stat> {
    let malformed = || io::Error::other(format!("malformed stat line {stat:?}"));
    let (_, rest) = stat.rsplit_once(") ").ok_or_else(malformed)?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |field: usize| {
        fields
            .get(field - 3)
            .and_then(|text| text.parse::<u64>().ok())
    };
    let state = fields[0].chars().next();
    match (state, number(14), number(15)) {
        (Some(state), Some(user), Some(kernel)) => Ok(Stat {
            state,
            ticks: user + kernel,
        }),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name_is() {
        let line = "42 (a ) R 1 2) T 1 42 42 0 -1 4194560 1 0 0 0 7 5 0 0 20 0 9 0 100\n";
        let stat = parse(line).unwrap();
        assert_eq!((stat.state, stat.ticks), ('T', 12));
        assert!(parse("42 nonsense").is_err());
        assert!(parse("42 (short) T 1 2").is_err());
    }

    #[test]
    fn we_run_ourselves() {
        let own = Threads::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(
            own.states.contains('R') && own.none_stopped() && !own.all_stopped(),
            "{own:?}"
        );
    }
}
