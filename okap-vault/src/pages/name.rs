//! Whether a name pretends to be another (UTS 39).

use okap_types::Provider;
use unicode_security::{MixedScript, RestrictionLevel, RestrictionLevelDetection, skeleton};

use super::show;

/// Why a name deserves a second look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It reads like the name of a provider.
    ReadsLike(&'static str),
    /// This word has letters that look like those of another script.
    LooksLatin(String),
    /// This word mixes scripts that no language writes together.
    Mixed(String),
}

/// The doubt about a name that an app gives itself, if any.
///
/// Names in any one script are fine: what is looked for are letters that pass for others.
pub(super) fn doubt(name: &str) -> Option<Doubt> {
    let words = || name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let brands = Provider::KNOWN.iter().map(show::provider);
    let brand =
        brands.into_iter().find(|brand| looks(name).iter().any(|look| looks(brand).contains(look)));
    brand
        .map(Doubt::ReadsLike)
        .or_else(|| {
            words().find(|word| passes_for_latin(word)).map(|w| Doubt::LooksLatin(w.to_owned()))
        })
        .or_else(|| words().find(|word| is_mixed(word)).map(|w| Doubt::Mixed(w.to_owned())))
}

/// What a name looks like at a glance: with capitals as they stand (`I` passes for `l`), and
/// without them.
fn looks(name: &str) -> [String; 2] {
    let look = |text: &str| {
        skeleton(text).filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
    };
    [look(name), look(&name.to_lowercase())]
}

fn passes_for_latin(word: &str) -> bool {
    !word.is_ascii() && skeleton(word).all(|c| c.is_ascii())
}

fn is_mixed(word: &str) -> bool {
    // Japanese, Chinese and Korean do mix with Latin letters
    !word.is_single_script()
        && word.detect_restriction_level() > RestrictionLevel::HighlyRestrictive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_pass_for_a_provider_are_doubted() {
        for name in
            ["OpenAI", "openai", "Open AI", "OpenAl", "0penAI", "ОpenАI", "OPENAI", "𝗢𝗽𝗲𝗻𝗔𝗜"]
        {
            assert_eq!(doubt(name), Some(Doubt::ReadsLike("OpenAI")), "{name}");
        }
        assert_eq!(doubt("Аnthrоpic"), Some(Doubt::ReadsLike("Anthropic")));
    }

    #[test]
    fn letters_that_pass_for_latin_are_doubted() {
        assert_eq!(doubt("my Nоtes"), Some(Doubt::LooksLatin("Nоtes".into())));
        assert_eq!(doubt("сосо"), Some(Doubt::LooksLatin("сосо".into())));
        assert_eq!(doubt("NotesЖ"), Some(Doubt::Mixed("NotesЖ".into())));
    }

    #[test]
    fn honest_names_are_not() {
        for name in [
            "Notes",
            "Notes 2.0",
            "Café Zürich",
            "Заметки",
            "Яндекс Music",
            "Σημειώσεις",
            "メモ帳AI",
            "笔记 Notes",
            "메모 App",
            "यादें",
            "ملاحظات",
            "",
            "Together we write",
            "🗒️ Notes",
        ] {
            assert_eq!(doubt(name), None, "{name}");
        }
    }
}
