//! Reads the values of keys from expressions: durations, sizes, flags, paths and lists.

use std::time::Duration;

use syn::{Expr, ExprPath, Lit, LitInt, LitStr, Path};

use crate::diagnostics::Mistakes;

/// A value that is known here, or a constant of the user's that only the compiler knows.
pub(crate) enum Value<T> {
    Known(T),
    Constant(Expr),
}

/// The units of a duration, each in milliseconds.
const TIME_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// The units of a size, each in bytes.
const SIZE_UNITS: [(&str, u64); 4] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("B", 1),
];

const DURATION: &str =
    "expected seconds above zero, such as `60`, or a duration with units, such as `\"1h30m\"`";
const LIFETIME: &str = "expected seconds above zero, such as `60`, a duration with units, such as \
    `\"1h30m\"`, or `false` for never; to render for each request, leave the attribute away";
const SIZE: &str =
    "expected bytes above zero, such as `65536`, or a size with a unit, such as `\"8MiB\"`";

/// Reads `false`, or a [`duration`].
pub(crate) fn lifetime(value: &Expr) -> syn::Result<Option<Value<Duration>>> {
    match literal(value) {
        Some(Lit::Bool(on)) if !on.value => Ok(None),
        _ => constant_or(value, |value| time(value, LIFETIME)).map(Some),
    }
}

/// Reads whole seconds, a string with units (`ms`, `s`, `m`, `h`, `d`), or a constant.
pub(crate) fn duration(value: &Expr) -> syn::Result<Value<Duration>> {
    constant_or(value, |value| time(value, DURATION))
}

fn constant_or<T>(
    value: &Expr,
    read: impl FnOnce(&Expr) -> syn::Result<T>,
) -> syn::Result<Value<T>> {
    let value = ungrouped(value);

    match value {
        Expr::Binary(_)
        | Expr::Block(_)
        | Expr::Call(_)
        | Expr::Cast(_)
        | Expr::Const(_)
        | Expr::Field(_)
        | Expr::If(_)
        | Expr::Index(_)
        | Expr::Macro(_)
        | Expr::Match(_)
        | Expr::MethodCall(_)
        | Expr::Paren(_)
        | Expr::Path(_) => Ok(Value::Constant(value.clone())),
        _ => read(value).map(Value::Known),
    }
}

fn time(value: &Expr, expected: &str) -> syn::Result<Duration> {
    let millis = match literal(value) {
        Some(Lit::Int(seconds)) => {
            whole(seconds, "s")?.and_then(|seconds| seconds.checked_mul(1_000))
        }
        Some(Lit::Str(text)) => return timed(text, expected),
        _ => None,
    };
    let millis = millis.ok_or_else(|| syn::Error::new_spanned(value, expected))?;
    Ok(Duration::from_millis(millis))
}

/// Reads whole bytes, a string with a unit (`B`, `KiB`, `MiB`, `GiB`), or a constant.
pub(crate) fn size(value: &Expr) -> syn::Result<Value<u64>> {
    constant_or(value, bytes)
}

fn bytes(value: &Expr) -> syn::Result<u64> {
    let bytes = match literal(value) {
        Some(Lit::Int(bytes)) => whole(bytes, "MiB")?,
        Some(Lit::Str(text)) => sum(&text.value(), &SIZE_UNITS),
        _ => None,
    };
    bytes.ok_or_else(|| syn::Error::new_spanned(value, SIZE))
}

/// Reads `true` or `false`.
pub(crate) fn flag(value: &Expr) -> syn::Result<bool> {
    match literal(value) {
        Some(Lit::Bool(on)) => Ok(on.value),
        _ => Err(syn::Error::new_spanned(value, "expected `true` or `false`")),
    }
}

/// Reads the path of a function.
pub(crate) fn function(value: &Expr) -> syn::Result<ExprPath> {
    let expected = "expected the path of an async function without arguments, such as `all_slugs`";

    match ungrouped(value) {
        Expr::Path(path)
            if path
                .path
                .segments
                .first()
                .is_some_and(|first| first.ident == "Self") =>
        {
            Err(syn::Error::new_spanned(
                value,
                "`Self` is not accepted here: write the name of the type",
            ))
        }
        Expr::Path(path) => Ok(path.clone()),
        _ => Err(syn::Error::new_spanned(value, expected)),
    }
}

/// Reads the path of a crate or module, which has no generic arguments.
pub(crate) fn krate(value: &Expr) -> syn::Result<Path> {
    let plain = |path: &Path| {
        path.segments
            .iter()
            .all(|segment| segment.arguments.is_none())
    };
    match ungrouped(value) {
        Expr::Path(path) if path.qself.is_none() && plain(&path.path) => Ok(path.path.clone()),
        _ => {
            let message = "expected the path of `isr-layer`, such as `isr` or `facade::isr_layer`";
            Err(syn::Error::new_spanned(value, message))
        }
    }
}

/// Reads a string.
pub(crate) fn text(value: &Expr) -> Option<&LitStr> {
    match literal(value) {
        Some(Lit::Str(text)) => Some(text),
        _ => None,
    }
}

/// Reads a list of strings.
pub(crate) fn list<'a>(value: &'a Expr, mistakes: &mut Mistakes) -> Vec<&'a LitStr> {
    let Expr::Array(array) = ungrouped(value) else {
        mistakes.at(value, "expected a list of strings, such as `[\"posts\"]`");
        return Vec::new();
    };
    let mut list = Vec::new();
    for element in &array.elems {
        match text(element) {
            Some(text) => list.push(text),
            None => mistakes.at(element, "expected a string"),
        }
    }
    list
}

/// Reads a number above zero. Returns `None` for zero and for more than a `u64` holds.
fn whole(number: &LitInt, unit: &str) -> syn::Result<Option<u64>> {
    if !number.suffix().is_empty() {
        let digits = number.base10_digits();
        let message = format!(
            "expected a number without a suffix, or a string with a unit, \
             such as `\"{digits}{unit}\"`"
        );
        return Err(syn::Error::new_spanned(number, message));
    }
    Ok(number.base10_parse().ok().filter(|number| *number > 0))
}

fn timed(text: &LitStr, expected: &str) -> syn::Result<Duration> {
    let value = text.value();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!(
            "expected a unit, such as `\"{value}s\"` or `\"{value}m\"`; \
             for seconds, `{value}` alone"
        );
        return Err(syn::Error::new_spanned(text, message));
    }
    let millis = sum(&value, &TIME_UNITS).ok_or_else(|| {
        let message = format!("{expected}; the units are `ms`, `s`, `m`, `h` and `d`");
        syn::Error::new_spanned(text, message)
    })?;
    Ok(Duration::from_millis(millis))
}

/// Adds up `1h30m`. Returns `None` for a malformed text, zero, and more than a `u64` holds.
fn sum(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut total: u64 = 0;

    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let letters = &rest[digits..];
        let unit = &letters[..letters
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(letters.len())];
        let (_, worth) = units.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(*worth)?)?;
        rest = &letters[unit.len()..];
    }

    (total > 0).then_some(total)
}

fn literal(value: &Expr) -> Option<&Lit> {
    match ungrouped(value) {
        Expr::Lit(literal) => Some(&literal.lit),
        _ => None,
    }
}

/// Unwraps the invisible groups in which variables of `macro_rules!` arrive.
pub(crate) fn ungrouped(mut value: &Expr) -> &Expr {
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn a_number_is_seconds() {
        let read = time(&parse_quote!(60), DURATION);
        assert_eq!(read.unwrap(), Duration::from_secs(60));
    }

    #[test]
    fn units_add_up() {
        for (text, milliseconds) in [("1h30m", 5_400_000), ("1s500ms", 1_500)] {
            let read = time(&parse_quote!(#text), DURATION);
            assert_eq!(read.unwrap(), Duration::from_millis(milliseconds));
        }
    }

    #[test]
    fn false_is_never() {
        assert!(lifetime(&parse_quote!(false)).unwrap().is_none());
        assert!(lifetime(&parse_quote!(true)).is_err());
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let wrong: [Expr; 9] = [
            parse_quote!(0),
            parse_quote!(-1),
            parse_quote!(1.5),
            parse_quote!(60u8),
            parse_quote!(60s),
            parse_quote!("60"),
            parse_quote!("1 h"),
            parse_quote!("0s"),
            parse_quote!("99999999999999999999d"),
        ];
        for value in wrong {
            assert!(
                duration(&value).is_err(),
                "{value:?}",
                value = quote::quote!(#value).to_string()
            );
        }
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(bytes(&parse_quote!("512KiB")).unwrap(), 512 * 1024);
        assert_eq!(bytes(&parse_quote!(1000)).unwrap(), 1000);
        assert!(size(&parse_quote!("8MB")).is_err());
    }

    #[test]
    fn what_only_the_compiler_can_compute_is_a_constant() {
        let constants: [Expr; 6] = [
            parse_quote!(HOUR),
            parse_quote!(times::HOUR),
            parse_quote!(60 * 60),
            parse_quote!(Duration::from_secs(60)),
            parse_quote!({ HOUR / 2 }),
            parse_quote!(HOUR as u64),
        ];
        for value in constants {
            assert!(matches!(duration(&value), Ok(Value::Constant(_))));
            assert!(matches!(size(&value), Ok(Value::Constant(_))));
        }
    }
}
