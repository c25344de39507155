//! What to do where a machine refuses a sandbox.

use crate::setup::{Failure, Step, has_cap_sys_admin};
use nix::errno::Errno;
use std::fs::read_to_string;

/// The settings of a machine that commonly stand in the way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Machine {
    /// We are root with all it takes.
    privileged: bool,
    /// `user.max_user_namespaces` is 0.
    no_user_namespaces: bool,
    /// `kernel.unprivileged_userns_clone` is 0 (Debian's and Arch's patch).
    clone_restricted: bool,
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1 (Ubuntu from 23.10 on).
    apparmor_restricted: bool,
    /// A seccomp filter is on us, as in a container.
    seccomp: bool,
}

impl Machine {
    pub(crate) fn read() -> Machine {
        let is = |path: &str, value: &str| read_to_string(path).is_ok_and(|t| t.trim() == value);
        let status = read_to_string("/proc/self/status").unwrap_or_default();
        Machine {
            privileged: has_cap_sys_admin(),
            no_user_namespaces: is("/proc/sys/user/max_user_namespaces", "0"),
            clone_restricted: is("/proc/sys/kernel/unprivileged_userns_clone", "0"),
            apparmor_restricted: is(
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
                "1",
            ),
            seccomp: status.lines().any(|line| line.starts_with("Seccomp:\t2")),
        }
    }
}

const USER_NAMESPACES_ARE_OFF: &str = "User namespaces are switched off here. Run `sudo sysctl user.max_user_namespaces=10000`, or \
     run as root.";
const ONLY_ROOT_MAY_CLONE: &str = "Only root may create user namespaces here. Run `sudo sysctl \
     kernel.unprivileged_userns_clone=1`, or run as root.";
const APPARMOR_RESTRICTS: &str = "AppArmor keeps ordinary users out of user namespaces here (Ubuntu's default). Run `sudo \
     sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run as root.";
const SECCOMP_FILTERS: &str = "A seccomp filter is in force, as in a container. Start the container with `--security-opt \
     seccomp=unconfined --security-opt systempaths=unconfined` (Docker, Podman), or with \
     `--privileged`.";
const PROC_IS_MASKED: &str = "Parts of /proc are hidden here, as in a container, and then the kernel permits no fresh \
     /proc. Start the container with `--security-opt systempaths=unconfined` (Docker, Podman), or \
     with `--privileged`.";
const TOO_MANY_NAMESPACES: &str =
    "A limit on the number of namespaces is reached. See /proc/sys/user/max_*_namespaces.";
const RUN_AS_ROOT: &str = "Run as root, or on a machine that lets ordinary users create user \
     namespaces; `shakedown doctor` shows what is missing.";

/// What to do about a step that failed on this machine.
pub(crate) fn remedy(machine: &Machine, failure: Failure) -> String {
    let text = match (failure.step, failure.errno) {
        _ if machine.no_user_namespaces && !machine.privileged => USER_NAMESPACES_ARE_OFF,
        _ if machine.clone_restricted && !machine.privileged => ONLY_ROOT_MAY_CLONE,
        _ if machine.apparmor_restricted && !machine.privileged => APPARMOR_RESTRICTS,
        (Step::Namespaces, Errno::ENOSPC | Errno::EUSERS) => TOO_MANY_NAMESPACES,
        (Step::Proc, Errno::EPERM) => PROC_IS_MASKED,
        _ if machine.seccomp => SECCOMP_FILTERS,
        _ => RUN_AS_ROOT,
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Failure {
        Step::Namespaces.failed(Errno::EPERM)
    }

    #[test]
    fn each_common_obstacle_has_its_own_remedy() {
        let plain = Machine::default();
        let off = Machine {
            no_user_namespaces: true,
            ..plain
        };
        let debian = Machine {
            clone_restricted: true,
            ..plain
        };
        let ubuntu = Machine {
            apparmor_restricted: true,
            ..plain
        };
        let docker = Machine {
            seccomp: true,
            ..plain
        };
        assert!(remedy(&off, refused()).contains("user.max_user_namespaces=10000"));
        assert!(remedy(&debian, refused()).contains("kernel.unprivileged_userns_clone=1"));
        assert!(remedy(&ubuntu, refused()).contains("apparmor_restrict_unprivileged_userns=0"));
        assert!(remedy(&docker, refused()).contains("seccomp=unconfined"));
        assert!(remedy(&plain, refused()).contains("as root"));
    }

    #[test]
    fn a_masked_proc_is_told_from_a_filtered_clone() {
        let docker = Machine {
            seccomp: true,
            ..Machine::default()
        };
        let masked = remedy(&docker, Step::Proc.failed(Errno::EPERM));
        assert!(masked.starts_with("Parts of /proc are hidden"), "{masked}");
    }

    #[test]
    fn root_is_not_told_to_become_root() {
        let root = Machine {
            privileged: true,
            no_user_namespaces: true,
            ..Machine::default()
        };
        let full = remedy(&root, Step::Namespaces.failed(Errno::ENOSPC));
        assert!(full.contains("max_*_namespaces"), "{full}");
    }
}
