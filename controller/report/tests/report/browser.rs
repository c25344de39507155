//! Pages in a real browser: the script runs, under its own policy, without an error.

use std::path::Path;
use std::process::Command;
use std::{fs, str};

use shakedown_history::OpKind;
use shakedown_report::{IndexPage, RunSummary, render_index, render_run};

use crate::{fixture, hostile};

const CHROMIUM: &str = "/usr/bin/chromium";

/// The page's DOM after its script has run; none, and the reason printed, where there is no browser.
#[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
fn dom(html: &str, hash: &str) -> Option<String> {
    if !Path::new(CHROMIUM).exists() {
        println!("skipped: there is no {CHROMIUM}");
        return None;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("report.html");
    fs::write(&file, html).expect("the page can be written");
    let output = Command::new(CHROMIUM)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!(
            "--user-data-dir={}",
            directory.path().join("profile").display()
        ))
        .args([
            "--window-size=1400,1000",
            "--virtual-time-budget=20000",
            "--dump-dom",
        ])
        .arg(format!("file://{}{hash}", file.display()))
        .output()
        .expect("chromium starts");
    let dom = str::from_utf8(&output.stdout)
        .expect("a DOM is text")
        .to_owned();
    assert!(
        dom.contains("<html"),
        "no DOM: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(dom)
}

/// The value of a data attribute of the root element.
fn data<'a>(dom: &'a str, name: &str) -> &'a str {
    let root = &dom[dom.find("<html").expect("a root")..dom.find("<head").expect("a head")];
    let start = root
        .find(&format!("data-{name}=\""))
        .unwrap_or_else(|| panic!("no {name} in {root}"));
    let value = &root[start + name.len() + 7..];
    &value[..value.find('"').expect("a closing quote")]
}

fn number(dom: &str, name: &str) -> usize {
    data(dom, name).parse().expect("a number")
}

#[test]
fn the_script_draws_the_run_without_an_error() {
    let page = fixture::violation(20);
    let ops = page.history.as_ref().unwrap().pairs().count();
    let Some(dom) = dom(&render_run(&page), "") else {
        return;
    };
    assert_eq!(data(&dom, "errors"), "");
    assert_eq!(number(&dom, "ops"), ops);
    assert_eq!(number(&dom, "rows"), ops);
    assert!(
        number(&dom, "drawn") > 100,
        "ops, nodes and faults are drawn"
    );
}

#[test]
fn a_link_restores_the_filter() {
    let page = fixture::violation(20);
    let history = page.history.as_ref().unwrap();
    let infos = history
        .ops()
        .iter()
        .filter(|op| op.kind == OpKind::Info)
        .count();
    assert!(infos > 0);
    let html = render_run(&page);
    let Some(filtered) = dom(&html, "#filter=kind:info") else {
        return;
    };
    assert_eq!(
        (number(&filtered, "rows"), data(&filtered, "errors")),
        (infos, "")
    );
    assert!(
        filtered.contains(&format!("{infos} of ")),
        "the count is shown"
    );

    let writes = |op: &&shakedown_history::Op| {
        op.kind == OpKind::Invoke && op.f == "write" && op.key.as_deref() == Some("x")
    };
    let some = history.ops().iter().filter(writes).count();
    let both = dom(&html, "#filter=f:write%20key:x").expect("there is a browser");
    assert_eq!(number(&both, "rows"), some);
    let anomalous = dom(&html, "#filter=anomaly").expect("there is a browser");
    let expected = page
        .verdict
        .anomalies()
        .flat_map(|a| &a.ops)
        .filter(|op| op.kind == OpKind::Invoke);
    assert_eq!(number(&anomalous, "rows"), expected.count());
}

#[test]
fn a_link_to_an_op_selects_its_row() {
    let page = fixture::violation(20);
    let completion = page.history.as_ref().unwrap().pairs().nth(200).unwrap();
    let (invoked, returned) = (completion.0.index, completion.1.unwrap().index);
    let Some(dom) = dom(&render_run(&page), &format!("#op={returned}")) else {
        return;
    };
    assert_eq!(data(&dom, "errors"), "");
    let selected = dom.find("class=\"selected\"").expect("a selected row");
    let row = &dom[selected..selected + 200];
    assert!(row.contains(&format!("#{invoked}<")), "{row}");
}

#[test]
fn hostile_data_runs_nothing() {
    let page = hostile::page();
    let Some(dom) = dom(&render_run(&page), "") else {
        return;
    };
    assert_eq!(data(&dom, "errors"), "");
    assert_eq!(number(&dom, "ops"), 3);
    assert!(!dom.contains("<img"), "data became an element");
}

#[test]
fn pages_without_data_have_no_errors() {
    let index = IndexPage {
        title: "nightly".to_owned(),
        tool: "shakedown".to_owned(),
        runs: vec![RunSummary::of(&fixture::empty(), "nightly", "report.html")],
        planted_bugs: None,
        notes: Vec::new(),
    };
    let Some(empty) = dom(&render_run(&fixture::empty()), "") else {
        return;
    };
    assert_eq!((data(&empty, "errors"), number(&empty, "ops")), ("", 0));
    let all = dom(&render_index(&index), "").expect("there is a browser");
    assert_eq!((data(&all, "errors"), number(&all, "rows")), ("", 1));
    let none = dom(&render_index(&index), "#filter=smoke").expect("there is a browser");
    assert_eq!(number(&none, "rows"), 0);
}

#[test]
fn a_foreign_script_is_refused_and_recorded() {
    let html = render_run(&fixture::empty());
    let injected = html.replace(
        "</body>",
        "<script>document.title = 'foreign'</script></body>",
    );
    let Some(dom) = dom(&injected, "") else {
        return;
    };
    assert!(
        !dom.contains("<title>foreign"),
        "the policy lets no other script run"
    );
    assert!(
        data(&dom, "errors").contains("script-src"),
        "{}",
        data(&dom, "errors")
    );
}
