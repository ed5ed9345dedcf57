#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| okap_fuzz::targets::user_code(bytes));
