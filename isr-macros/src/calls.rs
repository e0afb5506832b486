//! Recognises unary methods of gRPC services, and refuses streaming ones.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, PathSegment, ReturnType, Signature, Type};

use crate::diagnostics::Mistakes;

const STREAMING: &str =
    "a streaming method cannot be cached: use `#[static_page]` on unary methods";

/// Returns whether this is a method whose only argument is tonic's `Request`.
pub(crate) fn is_unary(sig: &Signature) -> bool {
    let mut arguments = sig.inputs.iter().filter_map(typed);
    let first = arguments.next().and_then(last_segment);
    sig.receiver().is_some()
        && arguments.next().is_none()
        && first.is_some_and(|segment| segment.ident == "Request" && !segment.arguments.is_none())
}

/// Reports the streams of a method.
///
/// Types are searched token by token, since `#[async_trait]` may have rewritten the signature.
pub(crate) fn check(sig: &Signature, mistakes: &mut Mistakes) {
    if sig.receiver().is_none() {
        return;
    }
    for argument in sig.inputs.iter().filter_map(typed) {
        if find(argument.to_token_stream(), &|word| word == "Streaming").is_some() {
            mistakes.at(argument, STREAMING);
        }
    }
    if let ReturnType::Type(_, response) = &sig.output
        && let Some(stream) = streamed(response.to_token_stream())
    {
        mistakes.at(stream, STREAMING);
    }
}

/// Returns the name of the stream type inside a `Response<..>`.
fn streamed(tokens: TokenStream) -> Option<Ident> {
    let mut tokens = tokens.into_iter();

    while let Some(token) = tokens.next() {
        let held = match token {
            TokenTree::Group(group) => streamed(group.stream()),
            TokenTree::Ident(word) if word == "Response" => {
                let rest = tokens.clone().collect();
                find(held_by(rest), &|word| word.ends_with("Stream"))
            }
            _ => None,
        };
        if held.is_some() {
            return held;
        }
    }

    None
}

/// Returns the tokens up to the `>` that closes a leading `<`.
fn held_by(tokens: TokenStream) -> TokenStream {
    let mut depth = 0;
    let is_inside = |token: &TokenTree| {
        if let TokenTree::Punct(punct) = token {
            match punct.as_char() {
                '<' => depth += 1,
                '>' => depth -= 1,
                _ => {}
            }
        }
        depth > 0
    };
    tokens.into_iter().take_while(is_inside).collect()
}

/// Returns the first matching word, in groups as well.
fn find(tokens: TokenStream, is_one: &impl Fn(&str) -> bool) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(word) => is_one(&word.to_string()).then_some(word),
        TokenTree::Group(group) => find(group.stream(), is_one),
        _ => None,
    })
}

fn typed(argument: &FnArg) -> Option<&Type> {
    match argument {
        FnArg::Typed(argument) => Some(&argument.ty),
        FnArg::Receiver(_) => None,
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn mistakes_of(sig: &Signature) -> Vec<String> {
        let mut mistakes = Mistakes::default();
        check(sig, &mut mistakes);
        mistakes.messages()
    }

    #[test]
    fn a_unary_method_takes_a_request_and_nothing_else() {
        assert!(is_unary(
            &parse_quote!(fn get(&self, request: tonic::Request<Get>) -> Answer)
        ));
        assert!(!is_unary(
            &parse_quote!(fn get(request: Request<Get>) -> Answer)
        ));
        assert!(!is_unary(&parse_quote!(fn get(&self) -> Answer)));
        assert!(!is_unary(
            &parse_quote!(fn get(&self, a: Request<Get>, b: u8) -> Answer)
        ));
        assert!(!is_unary(
            &parse_quote!(fn get(&self, path: Path<String>) -> Answer)
        ));
    }

    #[test]
    fn a_stream_is_found_before_and_after_async_trait() {
        let sigs: [Signature; 5] = [
            parse_quote!(fn a(&self, r: Request<tonic::Streaming<Get>>)
                -> Result<Response<Got>, Status>),
            parse_quote!(fn b(&self, r: Request<Get>)
                -> Result<Response<Self::ListStream>, Status>),
            parse_quote!(fn c(&self, r: Request<Get>)
                -> Result<tonic::Response<BoxStream<Got>>, Status>),
            parse_quote!(fn d(&self, r: Request<Get>)
                -> Pin<Box<dyn Future<Output = Result<Response<Self::ListStream>, Status>>
                    + Send + 'async_trait>>),
            parse_quote!(fn e(&self, r: Request<Get>)
                -> Result<Response<Pin<Box<dyn Stream<Item = (u8,)>>>>, Status>),
        ];

        assert_eq!(mistakes_of(&sigs[0]), [STREAMING]);
        for sig in &sigs[1..] {
            assert_eq!(mistakes_of(sig), [STREAMING], "{}", sig.ident);
        }
    }

    #[test]
    fn a_unary_method_has_no_stream_whatever_else_is_named_so() {
        let sig =
            parse_quote!(fn a(&self, r: Request<Get>) -> Result<Response<Upstream>, NoStream>);

        assert!(mistakes_of(&sig).is_empty());
    }
}
