//! The HTML document around a page's body: policy, styles, script.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::blob;

const STYLE: &str = concat!(
    include_str!("../assets/base.css"),
    include_str!("../assets/sections.css"),
    include_str!("../assets/charts.css"),
);

/// The parts of a run page's script share one scope, in this order.
pub(crate) const RUN_SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("../assets/errors.js"),
    include_str!("../assets/copy.js"),
    include_str!("../assets/data.js"),
    include_str!("../assets/filter.js"),
    include_str!("../assets/state.js"),
    include_str!("../assets/timeline_draw.js"),
    include_str!("../assets/timeline.js"),
    include_str!("../assets/plots.js"),
    include_str!("../assets/ops.js"),
    include_str!("../assets/keys.js"),
    include_str!("../assets/main.js"),
    "})();\n",
);

/// The index page's script.
pub(crate) const INDEX_SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("../assets/errors.js"),
    include_str!("../assets/copy.js"),
    include_str!("../assets/index.js"),
    "})();\n",
);

/// A whole document. Its policy allows its own styles and exactly this script, and nothing from anywhere
/// else.
pub(crate) fn document(title: &str, script: &str, body: &Markup) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src '{}'; base-uri 'none'; form-action 'none'",
        blob::csp_hash(script)
    );
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (patterns())
                (body)
                script { (PreEscaped(script)) }
            }
        }
    };
    document.into_string()
}

/// The hatchings that all drawings of a page share.
fn patterns() -> Markup {
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                pattern id="hatch-info" width="6" height="6" patternUnits="userSpaceOnUse"
                    patternTransform="rotate(45)" {
                    rect.hatch-ground width="6" height="6" {}
                    rect.hatch-line width="2.5" height="6" {}
                }
                pattern id="hatch-down" width="5" height="5" patternUnits="userSpaceOnUse"
                    patternTransform="rotate(-45)" {
                    rect.hatch-gap width="1.2" height="5" {}
                }
            }
        }
    }
}

/// The page's last line.
pub(crate) fn footer(tool: &str) -> Markup {
    html! {
        footer {
            p { "Made by " (tool) ". This page is one file; it loads nothing and works offline." }
        }
    }
}
