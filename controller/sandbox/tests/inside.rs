//! What a process finds inside a sandbox.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says why it was skipped")]

use nix::sys::signal::SigSet;
use nix::unistd::{geteuid, getpgrp, getpid};
use shakedown_sandbox::testing::{self, Case};
use shakedown_sandbox::{
    Capability, EnterError, NetNamespace, Sandbox, die_with_parent, enter, probe,
};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let cases: &[Case] = &[
        (
            "uid_zero_in_a_process_group_of_its_own",
            uid_zero_in_a_process_group_of_its_own,
        ),
        ("proc_shows_only_the_sandbox", proc_shows_only_the_sandbox),
        ("run_is_empty_and_writable", run_is_empty_and_writable),
        (
            "loopback_is_the_only_interface_and_up",
            loopback_is_the_only_interface_and_up,
        ),
        (
            "a_net_namespace_has_a_network_of_its_own",
            a_net_namespace_has_a_network_of_its_own,
        ),
        (
            "a_command_starts_in_its_net_namespace",
            a_command_starts_in_its_net_namespace,
        ),
        ("orphans_are_reaped", orphans_are_reaped),
        ("a_child_dies_with_its_parent", a_child_dies_with_its_parent),
        ("a_refusal_says_what_to_do", a_refusal_says_what_to_do),
        ("what_failed_leaves_no_trace", what_failed_leaves_no_trace),
    ];
    testing::run(cases)
}

fn uid_zero_in_a_process_group_of_its_own(_: &Sandbox) {
    assert!(geteuid().is_root());
    assert_eq!(getpid().as_raw(), 2);
    assert_eq!(getpgrp(), getpid());
}

fn proc_shows_only_the_sandbox(_: &Sandbox) {
    proc_shows_only_the_sandbox_itself();
}

fn proc_shows_only_the_sandbox_itself() {
    let pids: BTreeSet<u32> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .collect();
    assert_eq!(pids, BTreeSet::from([1, 2]));
}

fn run_is_empty_and_writable(_: &Sandbox) {
    assert_eq!(fs::read_dir("/run").unwrap().count(), 0);
    fs::write("/run/lock", "held").unwrap();
}

fn loopback_is_the_only_interface_and_up(_: &Sandbox) {
    assert_eq!(
        interfaces(&fs::read_to_string("/proc/self/net/dev").unwrap()),
        ["lo"]
    );
    talk_over_loopback();
}

fn a_net_namespace_has_a_network_of_its_own(_: &Sandbox) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let node = NetNamespace::create().unwrap();
    let address = listener.local_addr().unwrap();
    // The node has a loopback of its own, on which nobody listens.
    let refused = node.run(|| TcpStream::connect(address)).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    node.run(|| {
        talk_over_loopback();
        Ok(())
    })
    .unwrap();
    // And our own thread is still where it was.
    TcpStream::connect(address).unwrap();
}

fn a_command_starts_in_its_net_namespace(_: &Sandbox) {
    let node = NetNamespace::create().unwrap();
    let inode = nix::sys::stat::fstat(node.as_fd()).unwrap().st_ino;
    let mut command = Command::new("readlink");
    node.enter_command(command.arg("/proc/self/ns/net"));
    let output = command.output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        format!("net:[{inode}]")
    );
    assert_ne!(fs::metadata("/proc/self/ns/net").unwrap().ino(), inode);
}

fn orphans_are_reaped(_: &Sandbox) {
    // The shell ends at once and leaves its child to pid 1.
    let mut shell = Command::new("sh");
    let output = shell
        .args(["-c", "sleep 0.05 >/dev/null & echo $!"])
        .output()
        .unwrap();
    let orphan = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    until("the orphan is gone, zombie included", || {
        !fs::exists(format!("/proc/{orphan}")).unwrap()
    });
}

fn a_child_dies_with_its_parent(_: &Sandbox) {
    let child = std::thread::spawn(|| {
        let mut command = Command::new("sleep");
        die_with_parent(command.arg("1000"));
        command.spawn().unwrap()
    });
    // It ends at all only because its thread did.
    let status = child.join().unwrap().wait().unwrap();
    assert_eq!(status.signal(), Some(9));
}

fn a_refusal_says_what_to_do(_: &Sandbox) {
    let Some(error) = refused_sandbox() else {
        return;
    };
    let text = error.to_string();
    assert!(
        text.starts_with("no sandbox: cannot create the namespaces: ENOSPC"),
        "{text}"
    );
    assert!(text.contains("/proc/sys/user/max_*_namespaces"), "{text}");
    let found = probe()
        .into_iter()
        .find(|found| found.name == Capability::SANDBOX)
        .unwrap();
    assert!(found.found.is_err(), "the probe agrees");
}

fn what_failed_leaves_no_trace(_: &Sandbox) {
    let before = SigSet::thread_get_mask().unwrap();
    let Some(_) = refused_sandbox() else { return };
    assert_eq!(
        SigSet::thread_get_mask().unwrap(),
        before,
        "no signal stays blocked"
    );
    proc_shows_only_the_sandbox_itself();
}

/// The error of a sandbox in a sandbox whose kernel permits none.
fn refused_sandbox() -> Option<EnterError> {
    if fs::read_to_string("/proc/self/uid_map")
        .unwrap()
        .contains("4294967295")
    {
        println!("  skipped: for root this limit is the machine's own, which we leave alone");
        return None;
    }
    fs::write("/proc/sys/user/max_net_namespaces", "0").unwrap();
    Some(enter().unwrap_err())
}

fn talk_over_loopback() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();
}

fn interfaces(proc_net_dev: &str) -> Vec<&str> {
    let names = proc_net_dev.lines().filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.trim()).collect()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "still not so after 10 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
