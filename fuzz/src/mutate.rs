//! A small mutator, for where there is no libFuzzer.

/// Pieces that parsers look at twice.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"-0",
    b"1e400",
    b"0.0000001",
    b"2147483648",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\0",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"data: ",
    b"data:",
    b"[DONE]",
    b"event: ",
    b"&",
    b"=",
    b"%00",
    b"%E2%80%AE",
    b"+",
    b".",
    b"-",
    b":60Z",
    b"+99:99",
    b"\"provider\":\"openai\",",
    b"\"type\":\"ai_model_access\",",
    b"okap_at_",
    b"eyJ",
    b"*",
    b" ",
    b"\xe2\x80\xae",
    b"\xc2\xad",
    b"9999",
];

/// Makes inputs out of seeds.
pub struct Mutator {
    state: u64,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// A mutator whose inputs depend on its seeds and number alone.
    pub fn new(seeds: Vec<Vec<u8>>, number: u64) -> Self {
        Self { state: number, seeds }
    }

    /// splitmix64
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        let most = u64::try_from(most.max(1)).unwrap_or(1);
        usize::try_from(self.next() % most).unwrap_or(0)
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        self.seeds.get(at).cloned().unwrap_or_default()
    }

    /// A seed with one to six changes.
    pub fn input(&mut self) -> Vec<u8> {
        let mut bytes = self.seed();
        for _ in 0..=self.below(6) {
            let (from, to) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            match self.below(7) {
                0 => {
                    let bit = 1u8 << self.below(8);
                    if let Some(byte) = bytes.get_mut(from) {
                        *byte ^= bit;
                    }
                }
                1 => {
                    let byte = self.next().to_le_bytes()[0];
                    bytes.insert(from, byte);
                }
                2 => drop(bytes.drain(from..to)),
                3 => bytes.truncate(to),
                4 => {
                    let piece = PIECES[self.below(PIECES.len())];
                    drop(bytes.splice(from..from, piece.iter().copied()));
                }
                5 => {
                    let again = bytes[from..to].to_vec();
                    drop(bytes.splice(to..to, again));
                }
                _ => {
                    let other = self.seed();
                    let at = self.below(other.len() + 1);
                    drop(bytes.splice(from..to, other[at..].iter().copied()));
                }
            }
            bytes.truncate(70_000);
        }
        bytes
    }
}
