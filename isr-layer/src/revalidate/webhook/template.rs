//! Templates: texts with JSON pointers in braces, such as `{/_type}:{/slug/current}`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{Presence, Unprocessable, WebhookEvent};
use crate::revalidate::pointer::Pointer;

/// The maximum number of texts that one template may make of one payload: arrays multiply.
const MAX_TEXTS: usize = 1_000;

/// The characters of a value that would end the path it is put into.
const ENDS_PATH: &AsciiSet = &CONTROLS.add(b'?').add(b'#');

/// And the one that would be decoded in that path.
const ESCAPED: &AsciiSet = &ENDS_PATH.add(b'%');

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Pointer(Pointer),
}

/// The way in which a value is written into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insert {
    AsIs,
    /// Percent-encodes `?`, `#` and `%`, so that the value stays part of the path. A value that is
    /// percent-encoded already keeps its escapes.
    IntoPath,
}

impl Template {
    /// Parses a template. The error is a clause that names the mistake.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;

        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else {
                let (pointer, after) = pointer(from)?;
                parts.push(Part::Literal(std::mem::take(&mut literal)));
                parts.push(Part::Pointer(pointer));
                rest = after;
            }
        }

        // Literals between two pointers may be empty, so they are removed at the end.
        literal.push_str(rest);
        parts.push(Part::Literal(literal));
        parts.retain(|part| !matches!(part, Part::Literal(text) if text.is_empty()));

        if parts.is_empty() {
            Err("it is empty")
        } else {
            Ok(Self { parts })
        }
    }

    pub(super) fn has_pointer(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| matches!(part, Part::Pointer(_)))
    }

    /// Returns every text that the template makes of the payload. Where one `IfPresent` has values,
    /// those that are missing in an array cost the others nothing.
    pub(super) fn fill(
        &self,
        event: &WebhookEvent<'_>,
        insert: Insert,
        presence: Presence,
    ) -> Result<Vec<String>, Unprocessable> {
        let mut texts = vec![String::new()];
        for part in &self.parts {
            match part {
                Part::Literal(literal) => texts.iter_mut().for_each(|text| text.push_str(literal)),
                Part::Pointer(pointer) => {
                    let mut values = match presence {
                        Presence::IfPresent => event.texts_present_at(pointer)?,
                        Presence::Required => Vec::new(),
                    };
                    if values.is_empty() {
                        values = event.texts_at(pointer)?;
                    }
                    texts = multiply(&texts, &values, insert)?;
                }
            }
        }

        Ok(texts)
    }
}

fn pointer(from_brace: &str) -> Result<(Pointer, &str), &'static str> {
    let inside = from_brace
        .strip_prefix('{')
        .ok_or("a `}` without `{`: a literal one is written `}}`")?;
    let (inside, after) = inside
        .split_once('}')
        .ok_or("a `{` without `}`: a literal one is written `{{`")?;
    if inside.is_empty() {
        return Err("braces must hold a JSON pointer, as in `{/slug/current}`");
    }
    Ok((Pointer::parse(inside)?, after))
}

fn multiply(
    texts: &[String],
    values: &[String],
    insert: Insert,
) -> Result<Vec<String>, Unprocessable> {
    // Checked before the texts are made: a few arrays of one payload can multiply to millions.
    if texts.len() * values.len() > MAX_TEXTS {
        return Err(Unprocessable::too_many(format!(
            "the payload's arrays make more than {MAX_TEXTS} selectors of one template"
        )));
    }

    let values: Vec<_> = values.iter().map(|value| insert.write(value)).collect();
    Ok(texts
        .iter()
        .flat_map(|text| values.iter().map(move |value| format!("{text}{value}")))
        .collect())
}

impl Insert {
    fn write(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::AsIs => Cow::Borrowed(value),
            Self::IntoPath if decode_whole(value).is_some() => {
                Cow::from(utf8_percent_encode(value, ENDS_PATH))
            }
            Self::IntoPath => Cow::from(utf8_percent_encode(value, ESCAPED)),
        }
    }
}

/// Decodes a percent-encoded text: `None` if a percent sign in it is no escape, or if the result is
/// not UTF-8.
pub(super) fn decode_whole(text: &str) -> Option<String> {
    let mut escapes = text.split('%').skip(1);
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !escapes.all(is_escape) {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn fill(template: &str, payload: &Value, insert: Insert) -> Result<Vec<String>, String> {
        let headers = HeaderMap::new();
        let template = Template::parse(template).map_err(str::to_owned)?;
        template
            .fill(
                &WebhookEvent::new(&headers, payload),
                insert,
                Presence::Required,
            )
            .map_err(|error| error.to_string())
    }

    #[test]
    fn pointers_are_filled_and_doubled_braces_are_braces() {
        let payload = json!({"a": {"b": "x"}, "n": 7});

        assert_eq!(
            fill("{{{/a/b}}}:{/n}", &payload, Insert::AsIs),
            Ok(vec!["{x}:7".to_owned()])
        );
    }

    #[test]
    fn arrays_fan_out_and_several_multiply() {
        let payload = json!({"tags": [{"s": "x"}, {"s": "y"}], "langs": ["de", "en"]});

        let filled = fill("{/tags/s}-{/langs}", &payload, Insert::AsIs).unwrap();

        assert_eq!(filled, ["x-de", "x-en", "y-de", "y-en"]);
        assert_eq!(
            fill("{/tags/1/s}", &payload, Insert::AsIs),
            Ok(vec!["y".to_owned()])
        );
    }

    #[test]
    fn arrays_that_multiply_beyond_a_thousand_are_refused() {
        let payload = json!({"a": vec!["x"; 40]});

        assert!(
            fill("{/a}{/a}", &payload, Insert::AsIs)
                .unwrap_err()
                .contains("1000")
        );
    }

    #[test]
    fn a_missing_field_is_named() {
        for payload in [
            json!({}),
            json!({"a": null}),
            json!({"a": "x"}),
            json!({"a": [{"b": "x"}, {}]}),
        ] {
            assert!(
                fill("{/a/b}", &payload, Insert::AsIs)
                    .unwrap_err()
                    .contains("`/a/b`"),
                "{payload}"
            );
        }
        assert!(
            fill("{/a}", &json!({"a": {"b": 1}}), Insert::AsIs)
                .unwrap_err()
                .contains("neither a string")
        );
    }

    #[test]
    fn a_value_cannot_end_the_path_it_is_put_into() {
        let payload = json!({"slug": "100%/a?b#cé"});

        assert_eq!(
            fill("/p/{/slug}", &payload, Insert::IntoPath),
            Ok(vec!["/p/100%25/a%3Fb%23c%C3%A9".to_owned()])
        );
    }

    #[test]
    fn what_is_no_template_says_why() {
        for (template, why) in [
            ("", "empty"),
            ("{", "without"),
            ("a}", "without"),
            ("{}", "pointer"),
            ("{a}", "`/`"),
        ] {
            assert!(
                Template::parse(template).unwrap_err().contains(why),
                "{template}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[{}/a~0-9]{0,20}|\\PC*") {
            if Template::parse(&text).is_ok() {
                let _ = fill(&text, &json!({"a": [{"a": "x"}, "y"], "": "z"}), Insert::IntoPath);
            }
        }

        #[test]
        fn an_escaped_literal_is_itself(text in "[{}/a-z ]{1,20}") {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(fill(&escaped, &json!({}), Insert::AsIs), Ok(vec![text]));
        }
    }
}
