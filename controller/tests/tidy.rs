//! House rules that no compiler checks. Each failure says which file, and what to do.

use std::fs;
use std::path::{Path, PathBuf};

/// Longer files have more than one job. Tests may be longer.
const FILE_LINES_MAX: usize = 400;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = [
    "util", "utils", "common", "misc", "helper", "helpers", "manager",
];

fn root() -> PathBuf {
    let controller = Path::new(env!("CARGO_MANIFEST_DIR"));
    controller
        .parent()
        .expect("the controller lies in the workspace")
        .to_owned()
}

/// All files of the project with one of these endings, but for what builds and runs leave behind.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        let listing = fs::read_dir(&folder).expect("the project's folders can be listed");
        for entry in listing.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() {
                if !["target", "store", ".git", "node_modules"].contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn assert_none(wrong: &[String], what_to_do: &str) {
    assert!(wrong.is_empty(), "{what_to_do}\n  {}", wrong.join("\n  "));
}

#[test]
fn files_have_one_job() {
    let tests = |path: &Path| path.iter().any(|part| part == "tests" || part == "benches");
    let long = files(&[".rs", ".js", ".css"])
        .into_iter()
        .filter(|path| !tests(path))
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            (lines > FILE_LINES_MAX).then(|| format!("{}: {lines} lines", shown(&path)))
        });
    assert_none(
        &long.collect::<Vec<_>>(),
        "split these by what they are about:",
    );
}

#[test]
fn names_say_what_is_inside() {
    let empty = files(&[".rs"]).into_iter().filter(|path| {
        let relative = shown(path);
        relative
            .split(['/', '.'])
            .any(|part| EMPTY_NAMES.contains(&part))
    });
    assert_none(
        &empty.map(|p| shown(&p)).collect::<Vec<_>>(),
        "name these after their contents:",
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    let mute = files(&[".rs"]).into_iter().filter(|path| {
        let text = fs::read_to_string(path).unwrap();
        !text.starts_with("//!") && !text.starts_with("#!")
    });
    assert_none(
        &mute.map(|p| shown(&p)).collect::<Vec<_>>(),
        "begin these with a //! line:",
    );
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["todo!(", "unimplemented!(", "FIXME", "XXX", "#[ignore"];
    let own = Path::new(file!()).file_name();
    let mut wrong = Vec::new();
    for path in files(&[".rs"])
        .iter()
        .filter(|path| path.file_name() != own)
    {
        for (number, line) in fs::read_to_string(path).unwrap().lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                wrong.push(format!("{}:{}: {}", shown(path), number + 1, line.trim()));
            }
        }
    }
    assert_none(&wrong, "finish these:");
}

#[test]
fn pages_build_no_markup_from_text() {
    let mut wrong = Vec::new();
    for path in files(&[".js"]) {
        let text = fs::read_to_string(&path).unwrap();
        for mark in [
            "innerHTML",
            "outerHTML",
            "document.write",
            "insertAdjacentHTML",
            "eval(",
        ] {
            if text.contains(mark) {
                wrong.push(format!("{}: {mark}", shown(&path)));
            }
        }
    }
    assert_none(&wrong, "use textContent:");
}

#[test]
fn links_within_the_documentation_lead_somewhere() {
    let mut broken = Vec::new();
    for path in files(&[".md"]) {
        let text = fs::read_to_string(&path).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            if !path.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", shown(&path)));
            }
        }
    }
    assert_none(&broken, "these links lead nowhere:");
}

#[test]
fn no_crate_points_back() {
    let allowed = [
        ("history", vec![]),
        ("node/raft", vec!["history"]),
        ("node", vec!["history", "raft"]),
        ("checker", vec!["history"]),
        ("workloads", vec!["history", "checker"]),
        ("controller/clock", vec!["history"]),
        ("controller/bench", vec!["plan", "sandbox"]),
        ("controller/sandbox", vec![]),
        ("controller/network", vec!["sandbox"]),
        ("controller/agent", vec!["history", "clock"]),
        ("controller/plan", vec!["history"]),
        ("controller/report", vec!["history", "checker"]),
    ];
    let mut wrong = Vec::new();
    for (member, may_use) in allowed {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let section = section.split("\n[").next().unwrap_or_default();
        for line in section
            .lines()
            .filter_map(|line| line.strip_prefix("shakedown-"))
        {
            let used = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !may_use.contains(&used) {
                wrong.push(format!("{member} uses shakedown-{used}"));
            }
        }
    }
    assert_none(&wrong, "ARCHITECTURE.md forbids these dependencies:");
}
