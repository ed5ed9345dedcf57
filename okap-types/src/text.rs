//! Words of an app that a person will read: cleaned, bounded, never trusted.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// Says why a text cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is longer than {most} characters")]
pub struct TooLong {
    what: &'static str,
    most: usize,
}

/// Removes what could deceive a reader: control characters, directional and invisible marks.
/// White space in any form becomes one space.
pub(crate) fn clean(text: &str) -> String {
    let visible = text.chars().filter_map(|c| match c {
        c if is_blank(c) => Some(' '),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    });
    visible.collect::<String>().split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether a text does not look like what it is.
pub(crate) fn deceives(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || is_invisible(c) || (c != ' ' && is_blank(c)))
}

fn is_blank(c: char) -> bool {
    // the empty braille cell is no white space to Unicode, only to the eye
    c.is_whitespace() || c == '\u{2800}'
}

/// Unicode's `Default_Ignorable_Code_Point`, with the interlinear annotation marks.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{feff}' | '\u{3164}' | '\u{ffa0}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

macro_rules! shown_text {
    ($(#[$doc:meta])* $Name:ident, $what:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $Name(String);

        impl $Name {
            /// Cleans a text for display.
            ///
            /// # Errors
            #[doc = concat!("[`TooLong`] above ", stringify!($most), " characters after cleaning.")]
            pub fn new(text: &str) -> Result<Self, TooLong> {
                let cleaned = clean(text);
                match cleaned.chars().count() {
                    0..=$most => Ok(Self(cleaned)),
                    _ => Err(TooLong { what: $what, most: $most }),
                }
            }

            /// The cleaned text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether nothing visible is left.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(&String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

shown_text! {
    /// Why an app asks, in its own words; at most 280 characters after cleaning.
    ///
    /// ```
    /// use okap_types::Reason;
    /// let reason = Reason::new("Summarise\u{202e} your\nnotes")?;
    /// assert_eq!(reason.as_str(), "Summarise your notes");
    /// # Ok::<(), okap_types::text::TooLong>(())
    /// ```
    Reason, "reason", 280
}

shown_text! {
    /// What an app calls itself; at most 80 characters after cleaning. A claim, not an identity.
    AppName, "app name", 80
}
