//! A page of the vault, as far as a test needs to understand HTML: its forms and its links.

use crate::http::Reply;

/// A page that a browser shows.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its address, without what redirects led there.
    pub url: String,
    /// The answer that brought it.
    pub reply: Reply,
    /// Its forms, in order.
    pub forms: Vec<Form>,
    /// Where its links lead, as they are written.
    pub links: Vec<String>,
}

/// A form of a page, as the page fills it in.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Where it goes, as it is written.
    pub action: String,
    /// Names and values that a browser would send.
    pub fields: Vec<(String, String)>,
    /// The name of its field for a password.
    pub password: Option<String>,
    /// What sends it, in order.
    pub buttons: Vec<Button>,
}

/// A button that sends a form.
#[derive(Clone, Debug, Default)]
pub struct Button {
    /// What it adds to the form.
    pub field: Option<(String, String)>,
    /// What stands on it, and its value.
    pub words: String,
    /// Whether the page's focus is on it.
    pub focus: bool,
}

impl Page {
    /// An answer as a page.
    #[must_use]
    pub fn of(reply: Reply) -> Self {
        let url = reply.asked.split(' ').next_back().unwrap_or_default().to_owned();
        Self::read(url, reply)
    }

    pub(super) fn read(url: String, reply: Reply) -> Self {
        let html = String::from_utf8_lossy(&reply.body).into_owned();
        let mut page = Self { url, reply, forms: Vec::new(), links: Vec::new() };
        let mut open = false;
        for part in html.split('<').skip(1) {
            let (tag, text) = part.split_once('>').unwrap_or((part, ""));
            let name = tag.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            match (name.as_str(), page.forms.last_mut().filter(|_| open)) {
                ("a", _) => page.links.extend(attribute(tag, "href")),
                ("form", _) => {
                    let action = attribute(tag, "action").unwrap_or_default();
                    page.forms.push(Form { action, ..Form::default() });
                    open = true;
                }
                ("/form", _) => open = false,
                ("input", Some(form)) => form.input(tag),
                ("button", Some(form)) => form.buttons.push(button(tag, text)),
                _ => {}
            }
        }
        page
    }

    /// Its HTML.
    #[must_use]
    pub fn html(&self) -> String {
        String::from_utf8_lossy(&self.reply.body).into_owned()
    }

    /// Whether a word stands in it, in capitals or not.
    #[must_use]
    pub fn shows(&self, word: &str) -> bool {
        self.html().to_lowercase().contains(&word.to_lowercase())
    }

    /// The form with a button for one of these words.
    #[must_use]
    pub fn form(&self, words: &[&str]) -> Option<&Form> {
        self.forms.iter().find(|form| form.button(words).is_some())
    }
}

impl Form {
    /// The first button for one of these words.
    #[must_use]
    pub fn button(&self, words: &[&str]) -> Option<&Button> {
        self.buttons.iter().find(|button| words.iter().any(|word| button.words.contains(word)))
    }

    /// As many fields as hold this value are given another.
    pub fn change(&mut self, of: impl Fn(&str) -> bool, to: &str) -> usize {
        let fields = self.fields.iter_mut().filter(|(_, value)| of(value));
        fields.map(|(_, value)| to.clone_into(value)).count()
    }

    fn input(&mut self, tag: &str) {
        let name = attribute(tag, "name").unwrap_or_default();
        let value = attribute(tag, "value");
        match attribute(tag, "type").unwrap_or_default().as_str() {
            "submit" => self.buttons.push(button(tag, "")),
            "password" => self.password = Some(name),
            "checkbox" | "radio" if !has(tag, "checked") => {}
            "checkbox" | "radio" => self.fields.push((name, value.unwrap_or("on".to_owned()))),
            _ => self.fields.push((name, value.unwrap_or_default())),
        }
    }
}

fn button(tag: &str, text: &str) -> Button {
    let value = attribute(tag, "value").unwrap_or_default();
    let words = format!("{value} {text}").to_lowercase();
    let field = attribute(tag, "name").map(|name| (name, value));
    Button { field, words, focus: has(tag, "autofocus") }
}

fn has(tag: &str, attribute: &str) -> bool {
    tag.split_whitespace().any(|word| word.split('=').next() == Some(attribute))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    loop {
        let at = rest.find(name)?;
        let before = rest.get(..at)?.chars().next_back();
        let behind = rest.get(at + name.len()..)?;
        if before.is_some_and(char::is_whitespace)
            && let Some(value) = behind.strip_prefix('=')
        {
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            let value = match quote {
                Some(quote) => value.get(1..)?.split(quote).next()?,
                None => value.split_whitespace().next()?,
            };
            return Some(unescaped(value));
        }
        rest = behind;
    }
}

fn unescaped(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'")];
    let text = named.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace("&#38;", "&").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_a_browser_does() {
        let tag = r#"input data-value="x" value="a &amp; b" name='n' checked"#;
        assert_eq!(attribute(tag, "value").as_deref(), Some("a & b"));
        assert_eq!(attribute(tag, "name").as_deref(), Some("n"));
        assert_eq!(attribute(tag, "type"), None);
        assert!(has(tag, "checked") && !has(tag, "autofocus"));
    }
}
