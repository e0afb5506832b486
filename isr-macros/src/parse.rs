//! From tokens to values that still know their place: the attribute's arguments and the function below it.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{
    Attribute, Expr, ExprLit, Ident, Item, Lit, Signature, Token, Visibility, braced, token,
};

use crate::diagnostics::Mistakes;

/// What stands in the parentheses, in order.
#[derive(Default)]
pub(crate) struct Args {
    /// What stands before all keys, and so is meant as the path.
    pub(crate) path: Option<Expr>,
    /// Every `key = value` and every bare word.
    pub(crate) pairs: Vec<Pair>,
}

/// One `key = value`, or a bare word without a value.
pub(crate) struct Pair {
    pub(crate) key: Ident,
    pub(crate) value: Option<Expr>,
}

/// A function whose body is kept as tokens, split where generated statements go.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: token::Brace,
    /// Inner attributes and the items a body may begin with.
    pub(crate) leading: TokenStream,
    /// All the rest of the body. It need not parse: what is wrong with it is for the compiler to say.
    pub(crate) rest: TokenStream,
}

/// Reads the arguments. After a mistake it goes on behind the next comma, so that one hides no other.
pub(crate) fn args(tokens: TokenStream, mistakes: &mut Mistakes) -> Args {
    let mut args = Args::default();
    let read = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = read_one(input, &mut args, mistakes) {
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

fn read_one(input: ParseStream<'_>, args: &mut Args, mistakes: &mut Mistakes) -> syn::Result<()> {
    let is_expression = input.peek2(Token![::]) || input.peek2(Token![!]);
    if input.peek(Lit) {
        let attrs = Vec::new();
        let lit = input.parse()?;
        read_path(Expr::Lit(ExprLit { attrs, lit }), args, mistakes);
    } else if input.peek(Ident::peek_any) && is_expression {
        read_path(input.parse()?, args, mistakes);
    } else {
        args.pairs.push(input.parse()?);
    }
    if input.is_empty() || input.peek(Token![,]) {
        Ok(())
    } else {
        Err(input.error("expected `,`"))
    }
}

fn read_path(path: Expr, args: &mut Args, mistakes: &mut Mistakes) {
    if args.path.is_some() {
        mistakes.at(path, "a page has one path: remove this one");
    } else if args.pairs.is_empty() {
        args.path = Some(path);
    } else {
        mistakes.at(path, "the path stands first: move it before the keys");
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // A token tree parses wherever the input is not at its end.
        let _: syn::Result<TokenTree> = input.parse();
    }
}

impl Parse for Pair {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(Ident::peek_any) {
            return Err(
                input.error("expected a path, such as `\"/posts/{slug}\"`, or `key = value`")
            );
        }
        let key = input.call(Ident::parse_any)?;
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self { key, value: None });
        }
        let equals: Token![=] = input.parse()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(syn::Error::new_spanned(
                equals,
                format!("expected a value after `{key} =`"),
            ));
        }
        Ok(Self {
            key,
            value: Some(input.parse()?),
        })
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

/// The attributes that compile a thing out.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    let cfgs = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    cfgs.cloned().collect()
}

/// The inner attributes and items at the start of a body.
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

/// The item the body goes on with. A macro's call counts as a statement: nobody knows what it becomes.
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
