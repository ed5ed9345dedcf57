//! `okap-vault`: see `okap-vault --help`.

fn main() -> std::process::ExitCode {
    okap_vault::run()
}
