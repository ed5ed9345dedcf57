/// No image that a provider accepts is billed as more input tokens than this.
const IMAGE_TOKENS: u64 = 65_536;

/// Most images in one call.
const MOST: u64 = 64;

use crate::refusal::Refusal;

/// The bound for a number of images.
pub(super) fn tokens(images: u64) -> Result<u64, Refusal> {
    match images {
        0..=MOST => Ok(images.saturating_mul(IMAGE_TOKENS)),
        _ => Err(Refusal::InvalidRequest(format!("{images} images in one call, at most {MOST}"))),
    }
}
