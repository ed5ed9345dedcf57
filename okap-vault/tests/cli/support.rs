//! A vault's directory, the program over it, and how that ended.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PASSPHRASE: &str = "correct horse battery";
pub(crate) const CANARY: &str = "sk-canary-7Qm2-never-seen-again";

/// A vault's directory and the program over it.
pub(crate) struct Vault(pub(crate) TempDir);

impl Vault {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One that has been set up, with a key for openai.
    pub(crate) fn with_key() -> Self {
        let vault = Self::new();
        vault.pipe("keys add openai", CANARY).ok();
        vault
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    pub(crate) fn bare(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_okap-vault"));
        for name in ["OKAP_PASSPHRASE", "OKAP_KEY_FILE", "OKAP_LOG", "OKAP_DATA"] {
            command.env_remove(name);
        }
        command
            .arg("--data")
            .arg(self.data())
            .args(arguments.split_whitespace())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = self.bare(arguments);
        command.env("OKAP_PASSPHRASE", PASSPHRASE);
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments))
    }

    pub(crate) fn pipe(&self, arguments: &str, input: &str) -> Ran {
        Ran::with(self.command(arguments), input)
    }

    pub(crate) fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{arguments} --json")).ok()).unwrap()
    }

    pub(crate) fn providers(&self) -> Vec<String> {
        let listed = self.json("keys list");
        let keys = listed["keys"].as_array().unwrap();
        keys.iter().map(|key| key["provider"].as_str().unwrap().to_owned()).collect()
    }

    /// The bytes of the database and what belongs to it.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = std::fs::read_dir(self.data()).unwrap().map(|file| file.unwrap().path());
        files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }
}

/// How the program ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(mut command: Command) -> Self {
        Self::from(command.output().unwrap())
    }

    pub(crate) fn with(mut command: Command, input: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // a program that refuses before it reads closes the pipe
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Self::from(child.wait_with_output().unwrap())
    }

    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// The error, which has this exit code and is one line with its causes below.
    pub(crate) fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
        let mut lines = self.stderr.lines();
        assert!(lines.next().unwrap_or_default().starts_with("error: "), "{}", self.stderr);
        assert!(lines.all(|line| line.starts_with("  because: ")), "{}", self.stderr);
        assert!(!self.stderr.contains(CANARY) && !self.stderr.contains(PASSPHRASE));
        self.stderr
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// A server in a process of its own, ended when it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let url = ready.trim().strip_prefix("okap-vault is ready at ");
        let url = url.unwrap_or_else(|| panic!("not ready: {ready:?}")).to_owned();
        Self { child, url }
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
