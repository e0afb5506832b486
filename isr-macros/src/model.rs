//! What the attribute means: every semantic rule, and every mistake collected.

use std::time::Duration;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Expr, ExprPath, Ident, Lit, LitStr, Signature, Type};

use crate::arguments::{self, Declared};
use crate::diagnostics::{Mistakes, closest, quoted};
use crate::parse::{Args, Pair};
use crate::{pattern, values};

/// Every key, in the order the documentation lists them.
const KEYS: [&str; 15] = [
    "revalidate",
    "expire",
    "tags",
    "query",
    "vary",
    "params",
    "fallback",
    "timeout",
    "max_body",
    "not_found_revalidate",
    "prerender",
    "jitter",
    "allow_empty",
    "allow_temporary",
    "assoc",
];

/// Headers whose values say who asks.
const PERSONAL_HEADERS: [&str; 3] = ["cookie", "authorization", "proxy-authorization"];

/// How long a tag may be, in bytes.
const MAX_TAG: usize = 256;

/// One page, ready to be written down. After a mistake it holds what was right, and a path that is one.
pub(crate) struct Model {
    /// The function's name.
    pub(crate) name: Ident,
    pub(crate) place: Place,
    pub(crate) pattern: LitStr,
    pub(crate) policy: Policy,
    pub(crate) params: Option<ExprPath>,
    /// The types of arguments that are for the compiler to judge.
    pub(crate) arguments: Vec<Type>,
    pub(crate) declared: Declared,
}

/// Where the function stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a module: items can stand beside it.
    Free,
    /// In an `impl` block: a method, or marked with `assoc`.
    Impl,
}

/// The setters that are called; what is absent keeps the runtime's default.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) revalidate: Option<Duration>,
    pub(crate) expire: Option<Duration>,
    pub(crate) not_found_revalidate: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_body: Option<u64>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) jitter: Option<bool>,
    pub(crate) prerender: Option<bool>,
    pub(crate) allow_empty: Option<bool>,
    pub(crate) allow_temporary: Option<bool>,
    pub(crate) tags: Vec<String>,
    pub(crate) query: Vec<String>,
    pub(crate) vary: Vec<String>,
}

/// What is answered for parameters that are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    Render,
    NotFound,
}

impl Model {
    /// Judges the arguments and the function together.
    pub(crate) fn new(args: &Args, sig: &Signature, mistakes: &mut Mistakes) -> Self {
        let pairs = known(&args.pairs, mistakes);
        let assoc = pairs.iter().any(|pair| pair.key == "assoc");
        let method = sig.receiver().is_some();
        let place = if assoc || method { Place::Impl } else { Place::Free };
        let mut model = Self {
            name: sig.ident.clone(),
            place,
            pattern: pattern_of(args.path.as_ref(), sig, mistakes),
            policy: Policy::default(),
            params: None,
            arguments: Vec::new(),
            declared: Declared::default(),
        };
        for pair in &pairs {
            model.set(pair, mistakes);
        }
        check_lifetimes(&model.policy, &pairs, mistakes);
        check_signature(sig, mistakes);
        model.arguments = arguments::check(sig, model.declared, mistakes);
        model
    }

    fn set(&mut self, pair: &Pair, mistakes: &mut Mistakes) {
        let key = pair.key.to_string();
        let Some(value) = &pair.value else { return };
        let policy = &mut self.policy;
        match key.as_str() {
            "revalidate" => policy.revalidate = mistakes.keep(values::lifetime(value)).flatten(),
            "expire" => policy.expire = mistakes.keep(values::duration(value)),
            "not_found_revalidate" => policy.not_found_revalidate = mistakes.keep(values::duration(value)),
            "timeout" => policy.timeout = mistakes.keep(values::duration(value)),
            "max_body" => policy.max_body = mistakes.keep(values::size(value)),
            "fallback" => policy.fallback = mistakes.keep(fallback(value)),
            "jitter" => policy.jitter = mistakes.keep(values::flag(value)),
            "prerender" => policy.prerender = mistakes.keep(values::flag(value)),
            "allow_empty" => policy.allow_empty = mistakes.keep(values::flag(value)),
            "allow_temporary" => policy.allow_temporary = mistakes.keep(values::flag(value)),
            "params" => self.params = self.params_of(value, mistakes),
            "tags" => self.policy.tags = self.tags(value, mistakes),
            "query" => {
                self.declared.query = true;
                policy.query = each(value, query_name, mistakes);
            }
            "vary" => {
                self.declared.vary = true;
                policy.vary = each(value, header_name, mistakes);
            }
            _ => {}
        }
    }

    fn params_of(&self, value: &Expr, mistakes: &mut Mistakes) -> Option<ExprPath> {
        if pattern::names(&self.pattern.value()).next().is_none() {
            mistakes.at(value, format!("the path `{}` has no parameter to list", self.pattern.value()));
        }
        mistakes.keep(values::function(value))
    }

    fn tags(&self, value: &Expr, mistakes: &mut Mistakes) -> Vec<String> {
        let pattern = self.pattern.value();
        each(value, |tag| tag_template(tag, &pattern), mistakes)
    }

    /// The names of the path's parameters, in order.
    pub(crate) fn parameters(&self) -> Vec<String> {
        pattern::names(&self.pattern.value()).map(str::to_owned).collect()
    }
}

/// The pairs whose key is known and given for the first time.
fn known<'a>(pairs: &'a [Pair], mistakes: &mut Mistakes) -> Vec<&'a Pair> {
    let mut known: Vec<&Pair> = Vec::new();
    for pair in pairs {
        let key = pair.key.to_string();
        if !KEYS.contains(&key.as_str()) {
            mistakes.at(&pair.key, unknown_key(&key));
        } else if let Some(before) = known.iter().find(|before| before.key == pair.key) {
            mistakes.at(&pair.key, format!("`{key}` is given twice"));
            mistakes.at(&before.key, format!("`{key}` was previously given here"));
        } else {
            check_value(pair, mistakes);
            known.push(pair);
        }
    }
    known
}

fn unknown_key(key: &str) -> String {
    let hint = closest(key, &KEYS).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
    format!("unknown key `{key}`{hint} (accepted: {})", quoted(KEYS))
}

fn check_value(pair: &Pair, mistakes: &mut Mistakes) {
    match &pair.value {
        Some(value) if pair.key == "assoc" => mistakes.at(value, "`assoc` is a bare word: it takes no value"),
        None if pair.key != "assoc" => {
            mistakes.at(&pair.key, format!("`{key}` needs a value: write `{key} = ..`", key = pair.key));
        }
        _ => {}
    }
}

/// The path: the literal, or the function's name.
fn pattern_of(path: Option<&Lit>, sig: &Signature, mistakes: &mut Mistakes) -> LitStr {
    let root = LitStr::new("/", Span::call_site());
    match path {
        Some(Lit::Str(path)) => match pattern::mistake(&path.value()) {
            None => return path.clone(),
            Some(mistake) => mistakes.at(path, mistake),
        },
        Some(other) => mistakes.at(other, "the path is a string, as `\"/posts/{slug}\"`"),
        None if sig.receiver().is_some() => {
            mistakes.at(
                &sig.ident,
                "a method is not named by its path: give it, as `\"/catalog.v1.Catalog/GetProduct\"`",
            );
        }
        None => return named_after(&sig.ident, mistakes),
    }
    root
}

fn named_after(name: &Ident, mistakes: &mut Mistakes) -> LitStr {
    let name_text = name.unraw().to_string();
    let path = if name_text == "index" { "/".to_owned() } else { format!("/{name_text}") };
    if pattern::mistake(&path).is_some() {
        mistakes.at(name, "this name cannot stand in a path: give the path, as `\"/caf%C3%A9\"`");
        return LitStr::new("/", Span::call_site());
    }
    LitStr::new(&path, Span::call_site())
}

fn check_lifetimes(policy: &Policy, pairs: &[&Pair], mistakes: &mut Mistakes) {
    let (Some(revalidate), Some(expire)) = (policy.revalidate, policy.expire) else { return };
    if expire >= revalidate {
        return;
    }
    let value = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_ref());
    let message =
        format!("`expire` ({expire:?}) is below `revalidate` ({revalidate:?}): no page would ever go stale");
    mistakes.at(value("expire"), message);
    mistakes.at(value("revalidate"), "`revalidate` is given here");
}

fn check_signature(sig: &Signature, mistakes: &mut Mistakes) {
    if let Some(token) = &sig.constness {
        mistakes.at(token, "a page's function is not `const`: it says at run time that it was called");
    }
}

fn fallback(value: &Expr) -> syn::Result<Fallback> {
    match values::text(value).map(LitStr::value).as_deref() {
        Some("render") => Ok(Fallback::Render),
        Some("not_found") => Ok(Fallback::NotFound),
        _ => Err(syn::Error::new_spanned(value, "expected `\"render\"` or `\"not_found\"`")),
    }
}

/// The elements of a list that pass `check`.
fn each(
    value: &Expr,
    check: impl Fn(&str) -> Result<String, String>,
    mistakes: &mut Mistakes,
) -> Vec<String> {
    let mut accepted = Vec::new();
    for text in values::list(value, mistakes) {
        match check(&text.value()) {
            Ok(element) if accepted.contains(&element) => mistakes.at(text, "this is in the list already"),
            Ok(element) => accepted.push(element),
            Err(message) => mistakes.at(text, message),
        }
    }
    accepted
}

fn tag_template(tag: &str, pattern: &str) -> Result<String, String> {
    if tag.is_empty() {
        return Err("a tag is not empty".to_owned());
    }
    if tag.len() > MAX_TAG {
        return Err(format!("a tag has at most {MAX_TAG} bytes, this one has {}", tag.len()));
    }
    if tag.chars().any(char::is_control) {
        return Err("a tag has no control characters".to_owned());
    }
    let mut rest = tag;
    while let Some(brace) = rest.find(['{', '}']) {
        let inner = rest[brace..].strip_prefix('{').and_then(|open| open.split_once('}'));
        let (name, behind) = inner.ok_or("a brace in a tag belongs to a parameter, as in `post:{slug}`")?;
        if !pattern::names(pattern).any(|known| known == name) {
            return Err(unknown_parameter(name, pattern));
        }
        rest = behind;
    }
    Ok(tag.to_owned())
}

fn unknown_parameter(name: &str, pattern: &str) -> String {
    let names: Vec<&str> = pattern::names(pattern).collect();
    if names.is_empty() {
        return format!("the path `{pattern}` has no parameter `{{{name}}}`: it has none");
    }
    format!("the path `{pattern}` has no parameter `{{{name}}}`: it has {}", quoted(names))
}

fn query_name(name: &str) -> Result<String, String> {
    let separates = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '&' | '=' | '#');
    if name.is_empty() || name.contains(separates) {
        return Err("a query parameter's name is not empty and has no blank, `&`, `=` or `#`".to_owned());
    }
    Ok(name.to_owned())
}

/// RFC 9110, 5.1 and 5.6.2: a field name is a token, whatever its case.
fn header_name(name: &str) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    if lower == "*" {
        return Err("a page that varies on everything is no page: name the headers it uses".to_owned());
    }
    if PERSONAL_HEADERS.contains(&lower.as_str()) {
        return Err(format!("`{lower}` says who asks, and a page is the same for everybody"));
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if lower.is_empty() || !lower.bytes().all(is_token) {
        return Err("this is no header's name, as `accept-language` is".to_owned());
    }
    Ok(lower)
}
