//! Reads a form with files, as a body that the books can keep.

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

/// The boundary of a form.
pub(super) fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get("content-type")?.to_str().ok()?;
    let (kind, rest) = kind.split_once(';')?;
    let boundary = rest.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    (kind.trim() == "multipart/form-data").then(|| boundary.trim_matches('"').to_owned())
}

/// The fields by name, a file as its name, type, length and, of a WAV file, its seconds; a name
/// that stands twice is a list.
pub(super) fn read(raw: &[u8], boundary: &str) -> Option<Value> {
    let mut fields = Map::new();
    let border = format!("\r\n--{boundary}");
    let all = [b"\r\n", raw].concat();
    let mut pieces = split(&all, border.as_bytes()).into_iter();
    pieces.next()?;
    for piece in pieces {
        if piece.starts_with(b"--") {
            return Some(Value::Object(fields));
        }
        let piece = piece.strip_prefix(b"\r\n")?;
        let [head, body] = halves(piece)?;
        let head = String::from_utf8_lossy(head).into_owned();
        let named = |what: &str| {
            let (_, rest) = head.split_once(&format!("; {what}=\""))?;
            rest.split_once('"').map(|(name, _)| name.to_owned())
        };
        let value = match named("filename") {
            None => Value::String(String::from_utf8_lossy(body).into_owned()),
            Some(filename) => json!({
                "filename": filename, "bytes": body.len(), "seconds": seconds(body),
            }),
        };
        match fields.get_mut(&named("name")?) {
            Some(Value::Array(list)) => list.push(value),
            Some(one) => *one = json!([one.take(), value]),
            None => {
                fields.insert(named("name")?, value);
            }
        }
    }
    None
}

/// Begun seconds of a WAV file with 44 bytes of head; other files are a second long.
fn seconds(file: &[u8]) -> u64 {
    let rate = file.get(28..32).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    match rate {
        Some(rate) if file.starts_with(b"RIFF") && rate > 0 => {
            let length = u64::try_from(file.len().saturating_sub(44)).unwrap_or(u64::MAX);
            length.div_ceil(u64::from(rate)).max(1)
        }
        _ => 1,
    }
}

fn halves(piece: &[u8]) -> Option<[&[u8]; 2]> {
    let at = piece.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some([piece.get(..at)?, piece.get(at.checked_add(4)?..)?])
}

fn split<'a>(mut rest: &'a [u8], border: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = rest.windows(border.len()).position(|window| window == border) {
        pieces.push(rest.get(..at).unwrap_or_default());
        rest = rest.get(at.saturating_add(border.len())..).unwrap_or_default();
    }
    pieces.push(rest);
    pieces
}
