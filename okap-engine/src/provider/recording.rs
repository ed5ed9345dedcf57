//! How long a recording can last, from its bytes alone.
//!
//! What a file says of its own length may be a lie, and a FLAC, Ogg, WebM or MP4 file of a few
//! kilobytes can hold hours of silence. WAV without compression and MP3 cannot.

/// Bytes of a second at MP3's lowest bit rate, 8 kbit/s.
const MP3: u64 = 1_000;

/// The most seconds that a recording lasts; `None` where its bytes set no bound.
pub(super) fn seconds_at_most(bytes: &[u8]) -> Option<u64> {
    let length = u64::try_from(bytes.len()).ok()?;
    let rate = wav(bytes).or_else(|| mp3(bytes))?;
    Some(length.div_ceil(rate.max(1)))
}

/// Bytes of a second of a WAV file whose samples stand as they are.
fn wav(bytes: &[u8]) -> Option<u64> {
    let rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    // the format first, and once: a later one would speak of other samples
    let format = rest.strip_prefix(b"fmt ")?;
    let size = usize::try_from(word(format.get(..4)?)?).ok()?;
    let body = format.get(4..)?.get(..size)?;
    let half = |at: usize| {
        body.get(at..at.checked_add(2)?)
            .map(|b| b.iter().rev().fold(0_u64, |n, b| (n << 8) | u64::from(*b)))
    };
    let plain = matches!(half(0)?, 1 | 3 | 6 | 7);
    let (channels, bits) = (half(2)?, half(14)?);
    let rate = word(body.get(4..8)?)?;
    let mut chunks = format.get(4_usize.checked_add(size)?.checked_add(size & 1)?..)?;
    while !chunks.starts_with(b"data") {
        let name = chunks.get(..4)?;
        if name == b"fmt " {
            return None;
        }
        let size = usize::try_from(word(chunks.get(4..8)?)?).ok()?;
        chunks = chunks.get(8_usize.checked_add(size)?.checked_add(size & 1)?..)?;
    }
    let second = rate.checked_mul(channels)?.checked_mul(bits / 8)?;
    (plain && second > 0).then_some(second)
}

/// Whether MP3 frames begin here, or behind a tag; MP3 knows no lower bit rate than its table.
fn mp3(bytes: &[u8]) -> Option<u64> {
    let frames = match bytes.strip_prefix(b"ID3") {
        None => bytes,
        Some(tag) => {
            let size = tag.get(3..7)?.iter().try_fold(0_usize, |size, byte| {
                (*byte < 128).then_some((size << 7) | usize::from(*byte))
            })?;
            tag.get(7_usize.checked_add(size)?..)?
        }
    };
    let [first, second, third, ..] = frames else { return None };
    let layer_three = *first == 0xff && second & 0xe6 == 0xe2 && second & 0x18 != 0x08;
    let (rate, sampling) = (third >> 4, third & 0x0c);
    (layer_three && !matches!(rate, 0 | 15) && sampling != 0x0c).then_some(MP3)
}

fn word(bytes: &[u8]) -> Option<u64> {
    Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav_of(seconds: usize) -> Vec<u8> {
        let data = vec![0_u8; 16_000 * seconds];
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend(8_000_u32.to_le_bytes());
        file.extend(16_000_u32.to_le_bytes());
        file.extend(b"\x02\0\x10\0data");
        file.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn a_wav_file_lasts_as_long_as_its_samples() {
        assert_eq!(seconds_at_most(&wav_of(3)), Some(4), "three seconds and a head");
    }

    #[test]
    fn a_wav_file_with_packed_samples_or_two_formats_has_no_bound() {
        let mut packed = wav_of(3);
        packed[20] = 2;
        assert_eq!(seconds_at_most(&packed), None);
        let mut twice = wav_of(3);
        twice.splice(36..36, b"fmt \0\0\0\0".iter().copied());
        assert_eq!(seconds_at_most(&twice), None);
        let mut other = wav_of(3);
        other.splice(36..36, b"LIST\x02\0\0\0hi".iter().copied());
        assert_eq!(seconds_at_most(&other), Some(4));
    }

    #[test]
    fn an_mp3_file_lasts_no_longer_than_at_its_lowest_bit_rate() {
        let mut file = vec![0xff, 0xfb, 0x90, 0x00];
        file.resize(10_000, 0);
        assert_eq!(seconds_at_most(&file), Some(10));
        let tagged = [b"ID3\x04\0\0\0\0\0\x02ab".as_slice(), &file].concat();
        assert_eq!(seconds_at_most(&tagged), Some(11));
        let free_format = [&[0xff, 0xfb, 0x00, 0x00][..], &file[4..]].concat();
        assert_eq!(seconds_at_most(&free_format), None);
    }

    #[test]
    fn files_that_can_hold_hours_of_silence_have_no_bound() {
        for begin in
            [&b"fLaC"[..], b"OggS", b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftypmp42", b"", b"ID3"]
        {
            assert_eq!(seconds_at_most(begin), None);
        }
    }
}
