use std::sync::{Mutex, PoisonError};

/// All that the client saw, for a search at the end.
#[derive(Default)]
pub(crate) struct Notes {
    answers: Mutex<Vec<Vec<u8>>>,
}

impl Notes {
    pub(crate) fn take(&self, answer: Vec<u8>) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
    }

    /// No answer held the master key, and no token of an answer went up.
    pub(crate) fn check(&self, master: &str, went_up: &str) {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for answer in answers.iter() {
            let text = String::from_utf8_lossy(answer);
            assert!(!text.contains(master), "the master key came down: {text}");
            for token in tokens(&text) {
                assert!(!went_up.contains(token), "a token went up: {token}");
            }
        }
    }
}

/// Every OKAP token in a text.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let starts = text.match_indices("okap_").map(|(at, _)| at);
    starts.filter_map(move |at| {
        let rest = &text[at..];
        let end = rest.find(|c| !plain(c)).unwrap_or(rest.len());
        (end == 57).then(|| &rest[..end])
    })
}
