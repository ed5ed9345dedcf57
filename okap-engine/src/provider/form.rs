//! Calls that come as a form with files: what stands in them, and the fresh form that goes up.

use memchr::memmem;

use crate::refusal::Refusal;

/// Most fields of a form.
const FIELDS: usize = 64;
/// Longest text of a field that is no file.
const LONGEST_TEXT: usize = 64 * 1024;
/// What separates the parts of a form that goes up, with a number that no part holds.
const BOUNDARY: &str = "okap-form-boundary-";

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The name of the file, where it is one.
    pub file: Option<String>,
    /// The type that it says it is of.
    pub kind: Option<String>,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A form that was read.
#[derive(Clone, Debug)]
pub(super) struct Form {
    parts: Vec<Part>,
    boundary: String,
}

impl Form {
    /// Takes the fields of a form: those in `texts` once each, unless they end in `[]`, and the
    /// `files`; nothing else.
    pub(super) fn read(parts: Vec<Part>, texts: &[&str], files: &[&str]) -> Result<Self, Refusal> {
        if parts.len() > FIELDS {
            return Err(Refusal::InvalidRequest(format!("form has more than {FIELDS} fields")));
        }
        for (at, part) in parts.iter().enumerate() {
            let name = part.name.as_str();
            let known = if part.file.is_some() { files } else { texts };
            if !known.contains(&name) {
                let shown: String = name.escape_debug().take(40).collect();
                return Err(Refusal::UnsupportedParameter(format!("\"{shown}\"")));
            }
            let before = parts.iter().take(at).any(|other| other.name == name);
            if before && !name.ends_with("[]") {
                return Err(Refusal::InvalidRequest(format!("field {name} stands twice")));
            }
            if part.file.is_none() && part.bytes.len() > LONGEST_TEXT {
                let text = format!("{name} is longer than {LONGEST_TEXT} bytes");
                return Err(Refusal::InvalidRequest(text));
            }
        }
        let free = |boundary: &String| {
            !parts.iter().any(|part| memmem::find(&part.bytes, boundary.as_bytes()).is_some())
        };
        let boundary = (0..8_u8).map(|number| format!("{BOUNDARY}{number}")).find(free);
        let boundary = boundary
            .ok_or_else(|| Refusal::InvalidRequest("a file holds the form's boundaries".into()))?;
        Ok(Self { parts, boundary })
    }

    /// A field's text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let part = self.parts.iter().find(|part| part.file.is_none() && part.name == name);
        let wrong = || Refusal::InvalidRequest(format!("{name} is not a text"));
        part.map(|part| std::str::from_utf8(&part.bytes).map_err(|_| wrong())).transpose()
    }

    /// A field that is a positive whole number.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let number = text.parse().ok().filter(|n| (1..=2_147_483_647).contains(n));
        number.map(Some).ok_or_else(|| {
            Refusal::InvalidRequest(format!("{name} is not a whole number from 1 to 2147483647"))
        })
    }

    /// A field that is true or false, as forms write it; a missing one is false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name)? {
            None | Some("false" | "False") => Ok(false),
            Some("true" | "True") => Ok(true),
            Some(_) => Err(Refusal::InvalidRequest(format!("{name} is not true or false"))),
        }
    }

    /// The files.
    pub(super) fn files(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.file.is_some())
    }

    /// Bytes of all texts.
    pub(super) fn text_bytes(&self) -> u64 {
        let texts = self.parts.iter().filter(|part| part.file.is_none());
        texts.fold(0, |sum: u64, part| {
            sum.saturating_add(u64::try_from(part.bytes.len()).unwrap_or(u64::MAX))
        })
    }

    /// The type of the form that goes up.
    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Writes the form anew: of a file's name only its ending goes up.
    pub(super) fn write(&self) -> Vec<u8> {
        let all: usize = self.parts.iter().map(|part| part.bytes.len()).sum();
        let mut out = Vec::with_capacity(all.saturating_add(self.parts.len().saturating_mul(192)));
        for part in &self.parts {
            let head = format!(
                "--{}\r\ncontent-disposition: form-data; name=\"{}\"",
                self.boundary, part.name
            );
            out.extend_from_slice(head.as_bytes());
            if let Some(file) = &part.file {
                let ending = ending(file).map_or_else(String::new, |ending| format!(".{ending}"));
                out.extend_from_slice(format!("; filename=\"file{ending}\"").as_bytes());
                let kind = part.kind.as_deref().filter(|kind| plain_kind(kind));
                let kind = kind.unwrap_or("application/octet-stream");
                out.extend_from_slice(format!("\r\ncontent-type: {kind}").as_bytes());
            }
            out.extend_from_slice(b"\r\n\r\n");
            out.extend_from_slice(&part.bytes);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        out
    }
}

/// The ending of a file's name, by which providers tell its format.
fn ending(file: &str) -> Option<String> {
    let (_, ending) = file.rsplit_once('.')?;
    let plain =
        (1..=5).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| ending.to_ascii_lowercase())
}

fn plain_kind(kind: &str) -> bool {
    let media = ["audio/", "image/", "video/"].iter().any(|begin| kind.starts_with(begin));
    media
        && kind.len() <= 64
        && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.+-".contains(&b))
}
