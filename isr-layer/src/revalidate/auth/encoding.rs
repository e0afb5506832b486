//! The encodings in which senders write signatures and keys (hexadecimal digits and base64) and
//! times (decimal digits).

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Accepts base64 with and without padding, since senders differ in that.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The spelling of a signature or a key as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Hex,
    Base64,
    Base64Url,
}

impl Encoding {
    /// Decodes `text`, or returns `None` if a character or the length is invalid.
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

/// Parses digits and nothing else: no sign, no space.
pub(super) fn parse_digits(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
