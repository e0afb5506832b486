//! Checks the names in `tags`, in `skip` and in `name`.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Expr, Ident, LitStr};

use super::argument::Argument;
use crate::diagnostics::{Mistakes, quoted};
use crate::elements::{self, Part};
use crate::values;

/// The longest name, in bytes.
const MAX_NAME: usize = 1024;

/// A tag of a value.
pub(crate) struct Tag {
    /// The tag with `{}` in place of each argument, as a format string.
    pub(crate) format: String,
    /// The places of the arguments in the list of arguments.
    pub(crate) arguments: Vec<usize>,
    pub(crate) span: Span,
}

/// Marks the arguments that the list names, and reports all other names.
pub(super) fn skip(value: &Expr, arguments: &mut [Argument], mistakes: &mut Mistakes) {
    for name in names(value, mistakes) {
        match arguments.iter().position(|one| one.name == name) {
            Some(place) if arguments[place].is_skipped => {
                mistakes.at(&name, format!("`{name}` is listed twice"));
            }
            Some(place) => arguments[place].is_skipped = true,
            None => mistakes.at(&name, unknown(&name.unraw().to_string(), arguments)),
        }
    }
}

/// Returns the names of a list such as `[db]`, and reports all else.
fn names(value: &Expr, mistakes: &mut Mistakes) -> Vec<Ident> {
    let Expr::Array(array) = values::ungrouped(value) else {
        mistakes.at(value, "expected a list of arguments, such as `[db]`");
        return Vec::new();
    };

    let mut names = Vec::new();
    for element in &array.elems {
        match (values::ungrouped(element), values::text(element)) {
            (Expr::Path(path), _) if path.path.get_ident().is_some() => {
                names.extend(path.path.get_ident().cloned());
            }
            (_, Some(text)) => {
                let message = format!("expected the argument's name alone: `{}`", text.value());
                mistakes.at(text, message);
            }
            _ => mistakes.at(element, "expected the name of an argument"),
        }
    }
    names
}

/// Reads tags. Each `{name}` must be an argument of the key.
pub(super) fn tags(value: &Expr, arguments: &[Argument], mistakes: &mut Mistakes) -> Vec<Tag> {
    let check = |name: &str| in_key(name, arguments).map(drop);
    let accepted = elements::each(value, |tag| elements::tag(tag, &check), mistakes);
    let written = values::list(value, &mut Mistakes::default());

    let tag = |tag: String| {
        let literal = written.iter().find(|literal| literal.value() == tag)?;
        Some(Tag::new(&tag, literal.span(), arguments))
    };
    accepted.into_iter().filter_map(tag).collect()
}

impl Tag {
    fn new(tag: &str, span: Span, arguments: &[Argument]) -> Self {
        let (mut format, mut places) = (String::new(), Vec::new());

        for part in elements::parts(tag).unwrap_or_default() {
            match part {
                Part::Text(text) => format.push_str(text),
                Part::Name(name) => {
                    format.push_str("{}");
                    places.extend(in_key(name, arguments).ok());
                }
            }
        }

        Self {
            format,
            arguments: places,
            span,
        }
    }
}

/// Returns the place of the argument of this name, if it is in the key.
fn in_key(name: &str, arguments: &[Argument]) -> Result<usize, String> {
    match arguments.iter().position(|one| one.text() == name) {
        Some(place) if arguments[place].is_skipped => Err(format!(
            "`{{{name}}}` is skipped, so it is not in the key: two values of one key would have \
             different tags"
        )),
        Some(place) => Ok(place),
        None => Err(unknown(name, arguments)),
    }
}

fn unknown(name: &str, arguments: &[Argument]) -> String {
    let names: Vec<String> = arguments.iter().map(Argument::text).collect();
    if names.is_empty() {
        return format!("unknown argument `{name}`: the function has no arguments");
    }
    let names = quoted(names.iter().map(String::as_str));
    format!("unknown argument `{name}`: the function has {names}")
}

/// Reads the name of the value.
pub(super) fn name(value: &Expr) -> syn::Result<LitStr> {
    let refuse = |message: &str| Err(syn::Error::new_spanned(value, message));
    let Some(text) = values::text(value) else {
        return refuse("expected a name, such as `\"post\"`");
    };

    match text.value() {
        name if name.is_empty() => refuse("empty name: expected a name, such as `\"post\"`"),
        name if name.chars().any(char::is_control) => {
            refuse("control characters are not accepted in a name")
        }
        name if name.len() > MAX_NAME => refuse(&format!(
            "this name has {} bytes: at most {MAX_NAME} are accepted",
            name.len()
        )),
        _ => Ok(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn a_name_has_letters_and_no_control_characters() {
        let long = "n".repeat(MAX_NAME + 1);
        let wrong: [Expr; 5] = [
            parse_quote!(""),
            parse_quote!("a\nb"),
            parse_quote!(#long),
            parse_quote!(NAME),
            parse_quote!(7),
        ];

        assert!(name(&parse_quote!("blog/post: ü")).is_ok());
        for value in wrong {
            assert!(name(&value).is_err());
        }
    }
}
