//! Message authentication codes, their encodings, and the check that signed things have in common.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::compare;
use super::secret::Secrets;

/// How many signatures of one request are looked at: more are sent by nobody who rotates a key.
const MAX_SIGNATURES: usize = 8;

/// Senders differ in whether they pad.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The hash under the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha1,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Hex,
    Base64,
    Base64Url,
}

/// Which of `secrets` one of the presented `signatures` of `message` was made with.
pub(super) fn signer(
    digest: Digest,
    secrets: &Secrets,
    message: &[&[u8]],
    signatures: impl Iterator<Item = Option<Vec<u8>>>,
) -> Option<usize> {
    let expected: Vec<_> = secrets.iter().map(|key| digest.code(key, message)).collect();
    // A signature that is missing or cannot be decoded costs what a wrong one does: no code is empty.
    let mut presented: Vec<_> = signatures.take(MAX_SIGNATURES).map(Option::unwrap_or_default).collect();
    presented.resize_with(presented.len().max(1), Vec::new);
    let found = presented.iter().map(|presented| compare::place(presented, &expected));
    found.fold(None, Option::or)
}

/// The code of `message` under the newest secret, in URL-safe base64.
pub(crate) fn sign(secrets: &Secrets, message: &[&[u8]]) -> String {
    let codes = secrets.iter().map(|key| Digest::Sha256.code(key, message));
    GeneralPurpose::new(&URL_SAFE, NO_PAD).encode(codes.last().unwrap_or_default())
}

/// Whether `signature` is what [`sign`] gives for `message` under any of `secrets`.
pub(crate) fn is_signed(secrets: &Secrets, message: &[&[u8]], signature: &str) -> bool {
    let presented = Encoding::Base64Url.decode(signature);
    signer(Digest::Sha256, secrets, message, std::iter::once(presented)).is_some()
}

impl Secrets {
    /// Whether `presented` is one of them.
    pub(crate) fn has(&self, presented: &[u8]) -> bool {
        compare::place(presented, self.iter()).is_some()
    }
}

impl Digest {
    fn code(self, key: &[u8], message: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha256 => code::<Hmac<Sha256>>(key, message),
            Self::Sha1 => code::<Hmac<Sha1>>(key, message),
        }
    }
}

fn code<M: Mac + KeyInit>(key: &[u8], message: &[&[u8]]) -> Vec<u8> {
    let mut code = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    message.iter().for_each(|part| code.update(part));
    code.finalize().into_bytes().to_vec()
}

impl Encoding {
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex(text),
            Self::Base64 => GeneralPurpose::new(&STANDARD, LENIENT).decode(text).ok(),
            Self::Base64Url => GeneralPurpose::new(&URL_SAFE, LENIENT).decode(text).ok(),
        }
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_4231_and_rfc_2202() {
        let (key, message) = (b"Jefe".as_slice(), [b"what do ya want ".as_slice(), b"for nothing?"]);
        let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";

        assert_eq!(Some(Digest::Sha256.code(key, &message)), hex(sha256));
        assert_eq!(Some(Digest::Sha1.code(key, &message)), hex(sha1));
    }

    #[test]
    fn each_encoding_reads_its_own_and_padding_may_be_left_out() {
        let bytes = Some(vec![0xfb, 0xff, 0xfe, 0x01]);

        assert_eq!(Encoding::Hex.decode("fbFFfe01"), bytes);
        assert_eq!(Encoding::Base64.decode("+//+AQ=="), bytes);
        assert_eq!(Encoding::Base64.decode("+//+AQ"), bytes);
        assert_eq!(Encoding::Base64Url.decode("-__-AQ"), bytes);
        assert_eq!(Encoding::Base64Url.decode("-__-AQ=="), bytes);
    }

    #[test]
    fn what_is_no_encoding_is_nothing() {
        assert_eq!(Encoding::Hex.decode("abc"), None);
        assert_eq!(Encoding::Hex.decode("+1"), None);
        assert_eq!(Encoding::Hex.decode("é"), None);
        assert_eq!(Encoding::Base64.decode("*"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base64Url] {
                let _ = encoding.decode(&text);
            }
        }

        #[test]
        fn hex_is_read_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(hex(&written), Some(bytes));
        }
    }
}
