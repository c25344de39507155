//! How a plan's mistakes are put into words.

use serde_yaml::Value;

/// The name that was probably meant by `wrong`, or all that would be right.
pub(crate) fn suggest(wrong: &str, right: &[&str]) -> String {
    let nearest = right
        .iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(3) / 3);
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("write one of {}", right.join(", ")),
    }
}

/// serde's message in words that do not presuppose Rust.
pub(crate) fn plain(message: &str) -> String {
    let words = [
        ("a string", "text"),
        ("u64", "a whole number"),
        ("usize", "a whole number"),
        ("u32", "a whole number"),
        ("f64", "a number"),
        ("a boolean", "true or false"),
        ("a sequence", "a list"),
    ];
    let Some((what, expected)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        structure if structure.starts_with("struct ") => "a mapping of fields",
        variants if variants.ends_with(" enum") => "a name",
        other => other,
    };
    let expected = words
        .iter()
        .find(|(rust, _)| *rust == expected)
        .map_or(expected, |(_, w)| w);
    let what = what
        .trim_start_matches("invalid type: ")
        .trim_start_matches("invalid value: ");
    format!("{what} where {expected} is due")
}

/// What could be written instead, in one line.
pub(crate) fn advice(example: &Value) -> String {
    match example {
        Value::Mapping(fields) => {
            let names: Vec<&str> = fields.keys().filter_map(Value::as_str).collect();
            format!("write its fields: {}", names.join(", "))
        }
        Value::Sequence(items) => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            format!("write for example [{}]", items.join(", "))
        }
        other => format!("write for example {}", scalar(other)),
    }
}

fn scalar(value: &Value) -> String {
    serde_yaml::to_string(value)
        .expect("a scalar can be written")
        .trim_end()
        .to_owned()
}
