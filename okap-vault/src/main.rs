//! `okap-vault`: see `okap-vault --help`.

/// A call makes and frees some hundred small pieces of memory.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    okap_vault::run()
}
