//! Fills parameters into patterns and into the templates of tags.

/// Fills the parameters into one segment of a pattern. Every character that could mean more than
/// text is escaped; only the value of a wildcard keeps its slashes.
pub(super) fn segment_with(segment: &str, params: &[(String, String)]) -> String {
    let Some(inner) = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return segment.to_owned();
    };
    match inner.strip_prefix('*') {
        Some(name) => escape(&value(params, name)).replace("%2F", "/"),
        None => escape(&value(params, inner)),
    }
}

fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Returns the value of a parameter, empty if there is no such parameter.
pub(super) fn value(params: &[(String, String)], name: &str) -> String {
    params
        .iter()
        .find(|(given, _)| given == name)
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
}

/// Replaces every `{name}` in `template`.
pub(super) fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        filled.push_str(before);
        filled.push_str(&value(name));
        rest = after;
    }

    filled.push_str(rest);
    filled
}
