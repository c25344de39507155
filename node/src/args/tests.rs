//! Flags: what they come to, and what is refused.

use clap::Parser;
use shakedown_raft::Membership;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: NodeArgs,
}

fn parse(more: &[&str]) -> anyhow::Result<NodeArgs> {
    let fixed =
        "node --id n1 --data-dir d --trace t --client-addr 127.0.0.1:1 --cluster c --seed 7";
    let args = fixed.split(' ').chain(more.iter().copied());
    Ok(Cli::try_parse_from(args)?.args)
}

#[test]
fn milliseconds_become_ticks() {
    let settings = parse(&["--peer", "n1=127.0.0.1:2"])
        .unwrap()
        .settings()
        .unwrap();
    let ticks = (
        settings.election_timeout_ticks_min,
        settings.election_timeout_ticks_max,
    );
    assert_eq!((ticks, settings.heartbeat_ticks), ((30, 60), 8));
}

#[test]
fn nodes_of_one_run_have_seeds_of_their_own() {
    let one = parse(&["--peer", "n1=127.0.0.1:2"]).unwrap();
    let other = NodeArgs {
        id: NodeId(2),
        ..one.clone()
    };
    assert_ne!(one.own_seed(), other.own_seed());
}

fn error_of(more: &[&str]) -> String {
    let check = || {
        let args = parse(more)?;
        args.local()?;
        args.settings()?;
        args.request_timeout().map(drop)
    };
    check().err().map_or_else(String::new, |e| e.to_string())
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let own = ["--peer", "n1=127.0.0.1:2"];
    assert_eq!(error_of(&own), "");
    for (more, reason) in [
        ("--peer n1=127.0.0.1:2", "names n1 twice"),
        ("--peer n2", "NODE=IP:PORT"),
        ("--peer-addr 127.0.0.1:3", "give one of them"),
        ("--election-timeout-ms 300..150", "must not be empty"),
        ("--heartbeat-ms 150", "below the shortest election timeout"),
        ("--tick-ms 0", "above zero"),
        ("--heartbeat-ms 145 --tick-ms 140", "too coarse"),
        ("--request-timeout-ms 0", "above zero"),
        ("--snapshot-every 0", "--snapshot-every must be above zero"),
        (
            "--bytes-in-flight 0",
            "--bytes-in-flight must be above zero",
        ),
        ("--read-mode fast", "index, lease or local"),
        ("--read-mode lease", "add --lease-ms auto"),
        ("--lease-ms soon", "off, auto or milliseconds"),
        ("--lease-ms 150", "below the shortest election timeout"),
        (
            "--lease-ms auto --clock-drift-ppm 1000000",
            "leaves nothing",
        ),
        (
            "--lease-ms auto --heartbeat-ms 75 --tick-ms 75",
            "too short for a lease",
        ),
        (
            "--join --peer n2=127.0.0.1:2",
            "--join and --peer of others",
        ),
        ("--planted-bug no-such", "no planted bug is called"),
    ] {
        let text = error_of(&[&own[..], &more.split(' ').collect::<Vec<_>>()].concat());
        assert!(text.contains(reason), "{more:?}: {text}");
    }
}

#[test]
fn a_node_is_one_of_the_peers_or_joins() {
    assert!(error_of(&["--peer", "n2=127.0.0.1:2"]).contains("not among the peers"));
    assert!(error_of(&[]).contains("--peer"));
    assert!(error_of(&["--join"]).contains("--peer-addr"));
    assert!(error_of(&["--join", "--peer-addr", "0.0.0.0:7000"]).contains("peers can reach"));
    let joining = parse(&["--join", "--peer-addr", "127.0.0.1:9"]).unwrap();
    assert_eq!(joining.settings().unwrap().bootstrap, Membership::default());
    assert_eq!(joining.local().unwrap().address.port(), 9);
    let founding = parse(&["--peer", "n2=127.0.0.1:2", "--peer", "n1=127.0.0.1:1"]).unwrap();
    let bootstrap = founding.settings().unwrap().bootstrap;
    assert_eq!(bootstrap.config.voters, [NodeId(1), NodeId(2)]);
    assert_eq!(bootstrap.members[&NodeId(2)].address, "127.0.0.1:2");
}

#[test]
fn a_lease_leaves_room_for_ticks_and_drift() {
    let lease_ns = |more: &[&str]| {
        let args = parse(&[&["--peer", "n1=127.0.0.1:2"], more].concat()).unwrap();
        args.settings().unwrap().lease_ns
    };
    assert_eq!(lease_ns(&[]), 0);
    assert_eq!(lease_ns(&["--lease-ms", "auto"]), 139_860_000);
    let no_drift = ["--lease-ms", "auto", "--clock-drift-ppm", "0"];
    assert_eq!(lease_ns(&no_drift), 140_000_000);
    assert_eq!(lease_ns(&["--lease-ms", "60"]), 60_000_000);
}

#[test]
fn what_is_unsafe_but_wanted_is_warned_of() {
    let warnings = |more: &str| {
        let own = ["--peer", "n1=127.0.0.1:2", "--token", "t"];
        let more: Vec<_> = more.split_terminator(' ').collect();
        parse(&[&own[..], &more].concat()).unwrap().warnings()
    };
    assert!(warnings("").is_empty());
    assert!(warnings("--lease-ms auto").is_empty());
    for (more, warning) in [
        ("--lease-ms auto --sticky-leader false", "--sticky-leader"),
        ("--lease-ms 145", "longer than is safe"),
    ] {
        let texts = warnings(more);
        assert!(texts.len() == 1 && texts[0].contains(warning), "{texts:?}");
    }
    let open = parse(&["--peer", "n1=127.0.0.1:2"]).unwrap();
    assert!(open.warnings()[0].contains("without --token"));
}

#[cfg(not(feature = "planted-bugs"))]
#[test]
fn planted_bugs_must_be_compiled_in() {
    let args = parse(&["--peer", "n1=127.0.0.1:2", "--planted-bug", "stale-read"]).unwrap();
    let error = args.settings().unwrap_err().to_string();
    assert!(error.contains("--features planted-bugs"), "{error}");
}
