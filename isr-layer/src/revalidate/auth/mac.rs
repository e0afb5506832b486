//! Message authentication codes (HMAC), and the check that all signed requests share.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::compare;
use super::encoding::Encoding;
use super::secret::Secrets;

/// The maximum number of signatures checked per request. A sender that rotates its keys sends
/// fewer.
const MAX_SIGNATURES: usize = 8;

/// The challenge of all schemes that sign. HTTP has no name for them.
pub(super) const SIGNATURE: &str = "Signature";

/// The hash function of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha1,
}

/// Returns the place in `secrets` of the one that made any of the presented `signatures` of
/// `message`.
pub(super) fn signer(
    digest: Digest,
    secrets: &Secrets,
    message: &[&[u8]],
    signatures: impl Iterator<Item = Option<Vec<u8>>>,
) -> Option<usize> {
    let expected: Vec<_> = secrets
        .iter()
        .map(|key| digest.code(key, message))
        .collect();

    // Every request is compared at least once, so that a missing or undecodable signature takes as
    // long as a wrong one. Such a signature is empty, and no code is.
    let mut presented: Vec<_> = signatures
        .take(MAX_SIGNATURES)
        .map(Option::unwrap_or_default)
        .collect();
    presented.resize_with(presented.len().max(1), Vec::new);

    // Folded, not searched: an early match must not end the comparisons.
    let found = presented
        .iter()
        .map(|presented| compare::find_equal(presented, &expected));
    found.fold(None, Option::or)
}

/// Returns the code of `message` under the newest of the [`Secrets`], in URL-safe base64.
pub(crate) fn sign(secrets: &Secrets, message: &[&[u8]]) -> String {
    let codes = secrets.iter().map(|key| Digest::Sha256.code(key, message));
    GeneralPurpose::new(&URL_SAFE, NO_PAD).encode(codes.last().unwrap_or_default())
}

/// Returns whether [`sign`] gives `signature` for `message` under any of `secrets`.
pub(crate) fn is_signed(secrets: &Secrets, message: &[&[u8]], signature: &str) -> bool {
    let presented = Encoding::Base64Url.decode(signature);
    signer(Digest::Sha256, secrets, message, std::iter::once(presented)).is_some()
}

impl Secrets {
    /// Returns whether `presented` is one of the secrets. The time does not tell which.
    pub(crate) fn has(&self, presented: &[u8]) -> bool {
        compare::find_equal(presented, self.iter()).is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_4231_and_rfc_2202() {
        let (key, message) = (
            b"Jefe".as_slice(),
            [b"what do ya want ".as_slice(), b"for nothing?"],
        );
        let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";

        let hex = |text| Encoding::Hex.decode(text);
        assert_eq!(Some(Digest::Sha256.code(key, &message)), hex(sha256));
        assert_eq!(Some(Digest::Sha1.code(key, &message)), hex(sha1));
    }
}
