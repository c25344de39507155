//! `shakedown doctor`: what this machine can do, which faults that allows, and how to get the rest.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use shakedown_sandbox::Capability;

use crate::cli::DoctorArgs;
use crate::ui::{self, Finding};

/// # Errors
/// If the result cannot be printed. Exit code 4 if no local run is possible here.
pub fn doctor(args: &DoctorArgs) -> Result<ExitCode> {
    let capabilities = shakedown_sandbox::probe();
    let can_run = capabilities
        .iter()
        .any(|c| c.name == Capability::SANDBOX && c.found.is_ok());
    let mut findings: Vec<Finding> = capabilities.into_iter().map(finding).collect();
    findings.push(Finding {
        name: "ptrace and vDSO".to_owned(),
        needed_for: "`faults: clock`".to_owned(),
        missing: shakedown_clock::supported().err().map(|e| e.to_string()),
    });
    findings.push(iptables());
    findings.push(seccomp());
    findings.push(kvm());
    ui::doctor(&findings, args.format)?;
    Ok(if can_run {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(4)
    })
}

fn finding(capability: Capability) -> Finding {
    Finding {
        name: capability.name.to_owned(),
        needed_for: capability.needed_for.to_owned(),
        missing: capability.found.err().map(|missing| missing.to_string()),
    }
}

fn iptables() -> Finding {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&places).collect();
    folders.extend(["/usr/sbin", "/sbin"].map(Into::into));
    let found = folders
        .iter()
        .any(|folder| folder.join("iptables-restore").exists());
    Finding {
        name: "iptables".to_owned(),
        needed_for: "`network: iptables`".to_owned(),
        missing: (!found).then(|| {
            "no iptables-restore in PATH, /usr/sbin or /sbin. Install the package iptables."
                .to_owned()
        }),
    }
}

fn seccomp() -> Finding {
    let actions = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail");
    let found = actions.is_ok_and(|actions| actions.contains("user_notif"));
    Finding {
        name: "seccomp notify".to_owned(),
        needed_for: "faults in single system calls; no plan has any yet".to_owned(),
        missing: (!found).then(|| {
            "/proc/sys/kernel/seccomp/actions_avail has no user_notif. It comes with Linux 5.0."
                .to_owned()
        }),
    }
}

fn kvm() -> Finding {
    Finding {
        name: "kvm".to_owned(),
        needed_for: "the virtual machines of the Vagrantfile; local runs do without".to_owned(),
        missing: (!Path::new("/dev/kvm").exists()).then(|| {
            "there is no /dev/kvm. Enable virtualisation in the firmware and load the module kvm."
                .to_owned()
        }),
    }
}
