//! Builds the [`Policy`] of a page from the values of its attribute.

use std::time::Duration;

use syn::{Expr, LitStr};

use crate::diagnostics::Mistakes;
use crate::parse::Pair;
use crate::values::{self, Value};

/// The setters to call. An absent one keeps the default of `isr_layer::Policy`.
#[derive(Default)]
pub(crate) struct Policy {
    pub(crate) revalidate: Option<Value<Duration>>,
    pub(crate) expire: Option<Value<Duration>>,
    pub(crate) not_found_revalidate: Option<Value<Duration>>,
    pub(crate) timeout: Option<Value<Duration>>,
    pub(crate) max_body: Option<Value<u64>>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) jitter: Option<bool>,
    pub(crate) prerender: Option<bool>,
    pub(crate) allow_empty: Option<bool>,
    pub(crate) allow_temporary: Option<bool>,
    pub(crate) tags: Vec<String>,
    pub(crate) query: Vec<String>,
    pub(crate) vary: Vec<String>,
}

/// The treatment of parameters that are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    Render,
    NotFound,
}

impl Policy {
    /// Sets the value of `key`, if it is a key of the policy.
    pub(crate) fn set(&mut self, key: &str, value: &Expr, mistakes: &mut Mistakes) {
        let mut duration = || mistakes.keep(values::duration(value));

        match key {
            "expire" => self.expire = duration(),
            "not_found_revalidate" => self.not_found_revalidate = duration(),
            "timeout" => self.timeout = duration(),
            "revalidate" => self.revalidate = mistakes.keep(values::lifetime(value)).flatten(),
            "max_body" => self.max_body = mistakes.keep(values::size(value)),
            "fallback" => self.fallback = mistakes.keep(fallback(value)),
            "jitter" => self.jitter = mistakes.keep(values::flag(value)),
            "prerender" => self.prerender = mistakes.keep(values::flag(value)),
            "allow_empty" => self.allow_empty = mistakes.keep(values::flag(value)),
            "allow_temporary" => self.allow_temporary = mistakes.keep(values::flag(value)),
            _ => {}
        }
    }

    /// Reports an `expire` below `revalidate`, of a page or of a value.
    pub(crate) fn check_lifetimes(&self, of: &str, pairs: &[&Pair], mistakes: &mut Mistakes) {
        // Of constants, `build` reports it.
        let (Some(Value::Known(revalidate)), Some(Value::Known(expire))) =
            (&self.revalidate, &self.expire)
        else {
            return;
        };
        if expire >= revalidate {
            return;
        }

        let value = |key: &str| {
            pairs
                .iter()
                .find(|pair| pair.key == key)
                .and_then(|pair| pair.value.as_ref())
        };
        let message = format!(
            "`expire` ({expire:?}) is below `revalidate` ({revalidate:?}): \
             the {of} would never be stale"
        );
        mistakes.at(value("expire"), message);
        mistakes.at(value("revalidate"), "`revalidate` is given here");
    }
}

fn fallback(value: &Expr) -> syn::Result<Fallback> {
    match values::text(value).map(LitStr::value).as_deref() {
        Some("render") => Ok(Fallback::Render),
        Some("not_found") => Ok(Fallback::NotFound),
        _ => Err(syn::Error::new_spanned(
            value,
            "expected `\"render\"` or `\"not_found\"`",
        )),
    }
}
