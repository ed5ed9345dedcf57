//! The vault under test: this program, serving as it would for its owner, as a child process.

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::Value;
use url::Url;

use super::{Place, process::Process};

const PASSPHRASE: &str = "a passphrase for the benchmark";
/// The provider's key that it keeps.
const KEY: &str = "sk-bench-0000000000000000000000000000";
/// How long it may take to be gone.
const STOP: Duration = Duration::from_secs(20);

/// A vault in a temporary directory; ends when dropped.
#[derive(Debug)]
pub(super) struct Vault {
    child: Child,
    folder: tempfile::TempDir,
    pub(super) url: Url,
    pub(super) address: SocketAddr,
    /// Where its records are.
    pub(super) place: Place,
    core: Option<usize>,
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Vault {
    /// Sets a vault up before an upstream, and starts it on a core.
    ///
    /// # Errors
    /// A vault that does not start.
    pub(super) fn start(
        upstream: SocketAddr,
        place: &Place,
        core: Option<usize>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("okap-bench-").tempdir()?;
        std::fs::write(folder.path().join("okap-vault.toml"), settings(upstream, place))?;
        let (child, url) = serve(folder.path(), place, core)?;
        let address = at(&url)?;
        let vault = Self { child, folder, url, address, place: place.clone(), core };
        vault.command(&["keys", "add", "openai"], KEY)?;
        Ok(vault)
    }

    pub(super) fn process(&self) -> Process {
        Process(self.child.id())
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it as a service manager would.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status()?;
        let began = Instant::now();
        while told.success() && began.elapsed() < STOP {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the vault did not stop within {} s", STOP.as_secs())
    }

    /// Starts it again, at another port.
    pub(super) fn again(&mut self) -> anyhow::Result<()> {
        (self.child, self.url) = serve(self.folder.path(), &self.place, self.core)?;
        self.address = at(&self.url)?;
        Ok(())
    }

    /// Calls in its audit, of one grant.
    pub(super) fn recorded(&self, grant: &str) -> anyhow::Result<u64> {
        let said = self.command(&["usage", "--json", "--grant", grant], "")?;
        let said: Value = serde_json::from_str(&said)?;
        said.pointer("/total/calls").and_then(Value::as_u64).context("usage without a total")
    }

    /// Runs a command of the program beside it.
    fn command(&self, args: &[&str], input: &str) -> anyhow::Result<String> {
        let mut child = program(None, self.folder.path(), &self.place)?
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let done = child.wait_with_output()?;
        match done.status.success() {
            true => Ok(String::from_utf8(done.stdout)?),
            false => bail!("okap-vault {args:?}: {}", String::from_utf8_lossy(&done.stderr)),
        }
    }
}

/// The provider's address, and the one price that the budgets are reckoned by.
fn settings(upstream: SocketAddr, place: &Place) -> String {
    let strict = if place.strict { "strict_holds = true\n" } else { "" };
    format!(
        "{strict}[upstream.openai]\nbase_url = \"http://{upstream}/v1\"\n\n\
         [[price]]\nprovider = \"openai\"\nmodel = \"{}\"\n\
         context_window = 10000\nprices = {{ input = \"0\", output = \"100\" }}\n",
        super::budget::MODEL
    )
}

fn program(core: Option<usize>, folder: &Path, place: &Place) -> anyhow::Result<Command> {
    let own = std::env::current_exe().context("this program does not know where it is")?;
    let mut program = super::process::on_core(core, &own);
    for name in ["OKAP_LOG", "OKAP_DATA", "OKAP_KEY_FILE", "OKAP_DATABASE"] {
        program.env_remove(name);
    }
    program.arg("--data").arg(folder).env("OKAP_PASSPHRASE", PASSPHRASE);
    if let Some(database) = &place.database {
        program.env("OKAP_DATABASE", database);
    }
    Ok(program)
}

fn serve(folder: &Path, place: &Place, core: Option<usize>) -> anyhow::Result<(Child, Url)> {
    let mut child = program(core, folder, place)?
        .args(["serve", "--json", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // what a service manager would keep
        .stderr(std::fs::File::create(folder.join("log"))?)
        .spawn()
        .context("the vault cannot be started")?;
    let said = child.stdout.take().context("a child without standard output")?;
    let mut lines = BufReader::new(said).lines();
    let url = lines.next().and_then(Result::ok).and_then(|line| {
        let ready: Value = serde_json::from_str(&line).ok()?;
        ready.get("url")?.as_str()?.parse::<Url>().ok()
    });
    let Some(url) = url else {
        let _ = child.kill();
        let _ = child.wait();
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        bail!("the vault did not start: {}", log.trim());
    };
    // what else it says goes nowhere, but the pipe stays open
    std::thread::spawn(move || lines.for_each(drop));
    Ok((child, url))
}

fn at(url: &Url) -> anyhow::Result<SocketAddr> {
    let all = url.socket_addrs(|| None)?;
    all.into_iter().next().context("the vault's address has no number")
}
