//! The bounds of names: of a page's path and of a tag. They hold for requests, for renders and for
//! purges alike, so that a purge can name everything that is cached.

use std::fmt;

use percent_encoding::percent_decode_str;

/// The most octets of a name. An escape counts as the one octet that it stands for, so that every
/// spelling of a path has the same limit.
pub(crate) const MAX_NAME: usize = 1_024;

/// The reason why a text cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    Empty,
    /// The text has this many octets.
    TooLong(usize),
    Control,
}

/// Checks the length of a path or of a prefix.
pub(crate) fn check_path_length(path: &str) -> Result<(), NameError> {
    // Almost every path is short enough as it is written.
    if path.len() <= MAX_NAME {
        return Ok(());
    }
    check_length(percent_decode_str(path).count())
}

/// Checks a tag, or the value of a parameter.
pub(crate) fn check_text(text: &str) -> Result<(), NameError> {
    check_length(text.len())?;
    check_characters(text)
}

/// Checks that a text is not empty and has no control characters.
pub(crate) fn check_characters(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::Control);
    }
    Ok(())
}

fn check_length(octets: usize) -> Result<(), NameError> {
    match octets {
        ..=MAX_NAME => Ok(()),
        _ => Err(NameError::TooLong(octets)),
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong(octets) => {
                write!(f, "has {octets} octets, but at most 1,024 are accepted")
            }
            Self::Control => f.write_str("contains a control character"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_counts_as_one_octet() {
        let escaped = |letters| format!("/{}", "%E3%81%82".repeat(letters));

        assert_eq!(check_path_length(&escaped(341)), Ok(()));
        assert_eq!(
            check_path_length(&escaped(342)),
            Err(NameError::TooLong(1_027))
        );
        assert_eq!(check_path_length(&format!("/{}", "あ".repeat(341))), Ok(()));
    }

    #[test]
    fn the_message_names_the_limit() {
        let message = check_text(&"t".repeat(2_000)).unwrap_err().to_string();

        assert!(
            message.contains("2000") && message.contains("1,024"),
            "{message}"
        );
        assert_eq!(MAX_NAME, 1_024, "the limit that the message names");
    }

    #[test]
    fn the_table_of_texts() {
        for (text, expected) in [
            ("", Err(NameError::Empty)),
            ("a\nb", Err(NameError::Control)),
            ("a\u{85}", Err(NameError::Control)),
            ("N*r;L[ü", Ok(())),
            (&"ü".repeat(512), Ok(())),
            (&"ü".repeat(513), Err(NameError::TooLong(1_026))),
        ] {
            assert_eq!(check_text(text), expected, "{text}");
        }
    }
}
