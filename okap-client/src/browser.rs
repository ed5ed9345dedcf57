use std::{
    io,
    process::{Command, Stdio},
};

use url::Url;

/// Opens an address in the user's browser. No shell sees the address.
pub(crate) fn open(url: &Url) -> io::Result<()> {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("rundll32");
        // `start` is a word of cmd, which gives `&` a meaning
        command.arg("url.dll,FileProtocolHandler");
        command
    } else {
        Command::new("xdg-open")
    };
    let silent = Stdio::null;
    let mut child =
        command.arg(url.as_str()).stdin(silent()).stdout(silent()).stderr(silent()).spawn()?;
    // some openers live as long as the browser; somebody has to collect them
    std::thread::spawn(move || child.wait());
    Ok(())
}
