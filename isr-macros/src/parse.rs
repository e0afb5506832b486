//! Parses the attribute's arguments and the function below into values that keep their spans.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{
    Attribute, Expr, ExprLit, Ident, Item, Lit, Meta, Signature, Token, Visibility, braced, token,
};

use crate::diagnostics::Mistakes;

/// One of the two attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Macro {
    Page,
    Data,
}

impl Macro {
    /// The name, as users write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Page => "static_page",
            Self::Data => "static_data",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Page => "expected a path, such as `\"/posts/{slug}\"`, or `key = value`",
            Self::Data => "expected `key = value`, such as `revalidate = 60`",
        }
    }
}

/// The attribute's arguments, in order.
#[derive(Default)]
pub(crate) struct Args {
    /// The expression in front of all keys.
    pub(crate) path: Option<Expr>,
    /// Every `key = value` and every bare word.
    pub(crate) pairs: Vec<Pair>,
}

/// One `key = value`, or a bare word without a value.
pub(crate) struct Pair {
    pub(crate) key: Ident,
    pub(crate) value: Option<Expr>,
}

/// A function whose body stays as tokens, split at the place for the generated code.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: token::Brace,
    /// Inner attributes and the items at the start of the body.
    pub(crate) leading: TokenStream,
    /// The rest of the body, not parsed: the compiler reports mistakes in it better.
    pub(crate) rest: TokenStream,
}

/// Reads the arguments. After a mistake, reading goes on behind the next comma, so that all
/// mistakes are reported.
pub(crate) fn args(tokens: TokenStream, of: Macro, mistakes: &mut Mistakes) -> Args {
    let mut args = Args::default();

    let read = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = read_one(input, of, &mut args, mistakes) {
                mistakes.push(error);
                skip_to_comma(input);
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    };

    let done = read.parse2(tokens);
    mistakes.keep(done);
    args
}

/// Takes the other attributes of the same name off the function, and reads their arguments.
pub(crate) fn take_pages(function: &mut Function, mistakes: &mut Mistakes) -> Vec<Args> {
    let ours = take_attributes(function, Macro::Page);
    let args = ours.into_iter().map(|attr| match attr.meta {
        Meta::List(list) => args(list.tokens, Macro::Page, mistakes),
        _ => Args::default(),
    });
    args.collect()
}

/// Takes the attributes of this name off the function.
pub(crate) fn take_attributes(function: &mut Function, of: Macro) -> Vec<Attribute> {
    let is_ours = |attr: &Attribute| {
        let last = attr.path().segments.last();
        last.is_some_and(|segment| segment.ident == of.name())
    };
    let (ours, others) = std::mem::take(&mut function.attrs)
        .into_iter()
        .partition::<Vec<_>, _>(is_ours);
    function.attrs = others;
    ours
}

fn read_one(
    input: ParseStream<'_>,
    of: Macro,
    args: &mut Args,
    mistakes: &mut Mistakes,
) -> syn::Result<()> {
    // A constant or a macro cannot be the path. Reading it here lets the model report it as one.
    let is_expression = input.peek2(Token![::]) || input.peek2(Token![!]);
    if input.peek(Lit) {
        let attrs = Vec::new();
        let lit = input.parse()?;
        read_path(Expr::Lit(ExprLit { attrs, lit }), of, args, mistakes);
    } else if input.peek(Ident::peek_any) && is_expression {
        read_path(input.parse()?, of, args, mistakes);
    } else {
        args.pairs.push(pair(input, of)?);
    }

    if input.is_empty() || input.peek(Token![,]) {
        Ok(())
    } else {
        Err(input.error("expected `,`"))
    }
}

fn read_path(path: Expr, of: Macro, args: &mut Args, mistakes: &mut Mistakes) {
    if of == Macro::Data {
        mistakes.at(
            path,
            "a value has no path: remove this, or write `name = \"..\"`",
        );
    } else if args.path.is_some() {
        mistakes.at(path, "a page has one path: remove this one");
    } else if args.pairs.is_empty() {
        args.path = Some(path);
    } else {
        mistakes.at(path, "the path stands first: move it before the keys");
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // Cannot fail: some token is left.
        let _: syn::Result<TokenTree> = input.parse();
    }
}

fn pair(input: ParseStream<'_>, of: Macro) -> syn::Result<Pair> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(of.expected()));
    }

    let key = input.call(Ident::parse_any)?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Pair { key, value: None });
    }

    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("expected a value after `{key} =`");
        return Err(syn::Error::new_spanned(equals, message));
    }

    let value = Some(input.parse()?);
    Ok(Pair { key, value })
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attrs,
            vis,
            sig,
            leading,
            rest,
            ..
        } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig));
        self.brace
            .surround(tokens, |body| body.extend(quote!(#leading #rest)));
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let body;
        let brace = braced!(body in input);
        let leading = leading(&body)?;

        Ok(Self {
            attrs,
            vis,
            sig,
            brace,
            leading,
            rest: body.parse()?,
        })
    }
}

/// Reads the function below the attribute.
pub(crate) fn function(item: TokenStream, below: Macro) -> syn::Result<Function> {
    let message = format!(
        "expected a function with a body below `#[{}]`",
        below.name()
    );
    syn::parse2(item).map_err(|error| syn::Error::new(error.span(), message))
}

/// Returns the `#[cfg(..)]` attributes, so that generated code is compiled out as well.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    let cfgs = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    cfgs.cloned().collect()
}

/// Reads the inner attributes and items at the start of a body.
fn leading(body: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut leading = TokenStream::new();
    for attribute in body.call(Attribute::parse_inner)? {
        attribute.to_tokens(&mut leading);
    }
    while let Some(item) = leading_item(body) {
        item.to_tokens(&mut leading);
    }
    Ok(leading)
}

/// Reads the next item of a body. A macro call counts as a statement, since it may expand to one.
fn leading_item(body: ParseStream<'_>) -> Option<Item> {
    let ahead = body.fork();
    let item: Item = ahead.parse().ok()?;
    if matches!(&item, Item::Macro(call) if call.ident.is_none()) {
        return None;
    }
    body.advance_to(&ahead);
    Some(item)
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn one_mistake_hides_no_other() {
        let mut mistakes = Mistakes::default();

        let args = args(
            quote!(revalidate =, 4 = 4, tags = ["a"] "b", expire = 5),
            Macro::Page,
            &mut mistakes,
        );

        assert_eq!(mistakes.messages().len(), 3);
        assert_eq!(
            args.pairs
                .last()
                .map(|pair| pair.key.to_string())
                .as_deref(),
            Some("expire")
        );
    }

    #[test]
    fn statements_go_behind_leading_items() {
        let function: Function = syn::parse_quote!(
            async fn post() {
                use a::b;
                const C: u8 = 1;
                fn d() {}
                e!();
                fn f() {}
            }
        );

        assert_eq!(
            function.leading.to_string(),
            quote!(
                use a::b;
                const C: u8 = 1;
                fn d() {}
            )
            .to_string()
        );
        assert_eq!(
            function.rest.to_string(),
            quote!(e!(); fn f() {}).to_string()
        );
    }

    #[test]
    fn a_body_that_does_not_parse_is_kept() {
        let function: Function = syn::parse_quote!(async fn post() { db. });

        assert_eq!(function.rest.to_string(), quote!(db.).to_string());
    }
}
