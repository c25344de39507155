//! Pages of large runs stay small, and lose no evidence.

use serde_json::json;
use shakedown_history::History;
use shakedown_report::render_run;

use crate::fixture;

const PAGE_BYTES_MAX: usize = 1_500_000;

#[test]
fn a_hundred_thousand_ops_fit_whole() {
    let page = fixture::violation(1_900);
    let ops = page.history.as_ref().unwrap().pairs().count();
    assert!(
        (90_000..=100_000).contains(&ops),
        "the fixture has {ops} ops"
    );
    let html = render_run(&page);
    assert!(html.len() <= PAGE_BYTES_MAX, "{} bytes", html.len());
    assert!(
        !html.contains("ops are in the timeline and the table"),
        "nothing was left out"
    );
}

#[test]
fn of_more_ops_the_page_says_what_it_left_out() {
    let html = render_run(&fixture::violation(2_600));
    assert!(html.len() <= PAGE_BYTES_MAX, "{} bytes", html.len());
    assert!(html.contains("100,000 of "), "the page says how many");
    assert!(html.contains("every op of every anomaly"));
}

#[test]
fn long_values_are_shortened_before_ops_are_left_out() {
    let mut page = fixture::violation(400);
    let mut ops = page.history.take().unwrap().ops().to_vec();
    for op in &mut ops {
        let noise =
            (0..300).map(|i| op.index.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(i) % 9_973);
        op.value = json!(noise.collect::<Vec<_>>());
    }
    page.history = Some(History::new(ops).unwrap());
    let html = render_run(&page);
    assert!(html.len() <= PAGE_BYTES_MAX, "{} bytes", html.len());
    assert!(
        !html.contains("ops are in the timeline and the table"),
        "every op is there"
    );
}
