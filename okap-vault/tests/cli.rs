//! The program as its user meets it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

const PASSPHRASE: &str = "correct horse battery";
const CANARY: &str = "sk-canary-7Qm2-never-seen-again";

/// A vault's directory and the program over it.
struct Vault(TempDir);

impl Vault {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One that has been set up, with a key for openai.
    fn with_key() -> Self {
        let vault = Self::new();
        vault.pipe("keys add openai", CANARY).ok();
        vault
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn bare(&self, arguments: &str) -> Command {
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

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.bare(arguments);
        command.env("OKAP_PASSPHRASE", PASSPHRASE);
        command
    }

    fn run(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments))
    }

    fn pipe(&self, arguments: &str, input: &str) -> Ran {
        Ran::with(self.command(arguments), input)
    }

    fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{arguments} --json")).ok()).unwrap()
    }

    fn providers(&self) -> Vec<String> {
        let listed = self.json("keys list");
        let keys = listed["keys"].as_array().unwrap();
        keys.iter().map(|key| key["provider"].as_str().unwrap().to_owned()).collect()
    }

    /// The bytes of the database and what belongs to it.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = std::fs::read_dir(self.data()).unwrap().map(|file| file.unwrap().path());
        files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }
}

/// How the program ended.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(mut command: Command) -> Self {
        Self::from(command.output().unwrap())
    }

    fn with(mut command: Command, input: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // a program that refuses before it reads closes the pipe
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Self::from(child.wait_with_output().unwrap())
    }

    fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// The error, which has this exit code and is one line with its causes below.
    fn refused(self, code: i32) -> String {
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
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let url = ready.trim().strip_prefix("okap-vault is ready at ");
        let url = url.unwrap_or_else(|| panic!("not ready: {ready:?}")).to_owned();
        Self { child, url }
    }

    fn get(&self, path: &str) -> String {
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

#[test]
fn keys_are_added_listed_rotated_and_removed() {
    let vault = Vault::new();
    assert_eq!(
        vault.pipe("keys add openai", &format!("  {CANARY}\n")).ok(),
        "added the key for openai\n"
    );
    assert_eq!(
        vault.pipe("keys add anthropic", "sk-ant-1\r\n").ok(),
        "added the key for anthropic\n"
    );
    assert_eq!(vault.providers(), ["anthropic", "openai"]);
    let listed = vault.json("keys list");
    let openai = &listed["keys"][1];
    assert!(openai["added"].as_str().unwrap().starts_with("20") && openai["rotated"].is_null());
    assert_eq!(openai.as_object().unwrap().len(), 3, "nothing else is told of a key");

    assert_eq!(vault.pipe("keys rotate openai", "sk-2").ok(), "rotated the key for openai\n");
    assert!(vault.json("keys list")["keys"][1]["rotated"].is_string());
    assert_eq!(vault.run("keys remove openai").ok(), "removed the key for openai\n");
    assert_eq!(vault.providers(), ["anthropic"]);
    let table = vault.run("keys list").ok();
    assert!(table.starts_with("PROVIDER   ADDED"), "{table}");
    assert_eq!(table.lines().count(), 2);
}

#[test]
fn what_is_there_is_not_added_and_what_is_not_is_not_rotated() {
    let vault = Vault::with_key();
    assert!(vault.pipe("keys add openai", "sk-2").refused(1).contains("keys rotate openai"));
    assert!(vault.pipe("keys rotate groq", "gsk").refused(3).contains("keys add groq"));
    assert!(vault.run("keys remove groq").refused(3).contains("no key for groq"));
    assert!(vault.pipe("keys add opnai", "sk-2").refused(3).contains("known: openai, anthropic"));
    assert_eq!(vault.providers(), ["openai"]);
}

#[test]
fn a_provider_of_ones_own_is_known_from_the_configuration() {
    let vault = Vault::with_key();
    let config = "[upstream.my-lab]\nbase_url = 'https://llm.example.com/v1'\n";
    assert!(vault.pipe("keys add my-lab", "sk").refused(3).contains("[upstream.my-lab]"));
    std::fs::write(vault.data().join("okap-vault.toml"), config).unwrap();
    vault.pipe("keys add my-lab", "sk").ok();
    std::fs::write(vault.data().join("okap-vault.toml"), config.replace("base", "bass")).unwrap();
    let error = vault.pipe("keys rotate my-lab", "sk").refused(1);
    assert!(
        error.contains("okap-vault.toml does not hold, line 2") && error.contains("bass_url"),
        "{error}"
    );
    assert!(
        vault
            .pipe("keys rotate my-lab --config /nowhere.toml", "sk")
            .refused(1)
            .contains("/nowhere.toml")
    );
}

#[test]
fn a_key_as_an_argument_is_refused_and_not_repeated() {
    let vault = Vault::new();
    for arguments in [
        "openai CANARY",
        "CANARY",
        "openai --key CANARY",
        "openai --key=CANARY",
        "openai --api-key CANARY",
        "openai -kCANARY",
    ] {
        let error =
            vault.run(&format!("keys add {}", arguments.replace("CANARY", CANARY))).refused(2);
        assert!(error.contains("never an argument") && error.contains("< key.txt"), "{error}");
    }
    let unknown = vault.run(&format!("keys add openai --foo={CANARY}"));
    assert!(unknown.code == 2 && !unknown.stderr.contains(CANARY), "{}", unknown.stderr);
    assert!(!vault.data().exists());
}

#[test]
fn what_is_no_key_is_refused() {
    let vault = Vault::with_key();
    for input in ["", " \n\n", "sk-1\nsk-2", "sk 1", "schlüssel"] {
        vault.pipe("keys rotate openai", input).refused(2);
    }
    vault.pipe("keys rotate openai", &"k".repeat(20_000)).refused(1);
    vault.pipe("keys rotate openai", &"k".repeat(16_000)).ok();
}

#[test]
fn the_database_never_holds_a_keys_bytes() {
    let vault = Vault::new();
    let holds =
        |bytes: &[u8]| bytes.windows(12).any(|w| CANARY.as_bytes().windows(12).any(|c| c == w));
    // a reader keeps the write-ahead log and the shared memory in place
    vault.pipe("keys add groq", "gsk-1").ok();
    let reader = Connection::open(vault.data().join("vault.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
    vault.pipe("keys add openai", CANARY).ok();
    vault.pipe("keys rotate openai", CANARY).ok();
    let files = vault.files();
    assert_eq!(files.len(), 3, "{files:?}");
    for (path, bytes) in files {
        assert!(!bytes.is_empty() && !holds(&bytes), "{}", path.display());
        assert!(!bytes.windows(PASSPHRASE.len()).any(|w| w == PASSPHRASE.as_bytes()));
    }
    assert!(holds(format!("the twin: {CANARY}").as_bytes()));
}

#[cfg(unix)]
#[test]
fn what_is_made_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let vault = Vault::with_key();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&vault.data()), 0o700);
    for (path, _) in vault.files() {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_wrong_passphrase_changes_nothing_and_the_right_one_works_afterwards() {
    let vault = Vault::with_key();
    let before = vault.files();
    for arguments in ["keys rotate openai", "keys add groq", "serve --listen 127.0.0.1:0"] {
        let mut wrong = vault.bare(arguments);
        wrong.env("OKAP_PASSPHRASE", "correct horse battery staple");
        assert!(Ran::with(wrong, "sk-other").refused(4).contains("wrong passphrase"));
    }
    assert_eq!(vault.files(), before);
    vault.pipe("keys rotate openai", "sk-other").ok();
}

#[test]
fn a_passphrase_comes_from_a_file_or_the_environment_or_is_asked_for() {
    let vault = Vault::new();
    assert!(
        Ran::with(vault.bare("keys add openai"), CANARY).refused(2).contains("--passphrase-file")
    );
    let file = vault.0.path().join("passphrase");
    let add = |provider: &str| {
        let mut command = vault.bare(&format!("keys add {provider}"));
        command.arg("--passphrase-file").arg(&file);
        Ran::with(command, "sk-1")
    };
    assert!(add("openai").refused(1).contains("passphrase file"));
    std::fs::write(&file, "\n").unwrap();
    assert!(add("openai").refused(2).contains("empty"));
    std::fs::write(&file, "short\n").unwrap();
    assert!(add("openai").refused(1).contains("at least 8 characters"));
    std::fs::write(&file, format!("{PASSPHRASE}\r\nanother line\n")).unwrap();
    add("openai").ok();
    // the same passphrase by the other way
    vault.pipe("keys add groq", "sk-1").ok();
}

#[test]
fn a_key_file_opens_the_vault_without_a_passphrase() {
    let vault = Vault::new();
    let file = vault.0.path().join("key");
    let with_file = |mut command: Command| {
        command.arg("--key-file").arg(&file);
        command
    };
    assert!(
        Ran::with(with_file(vault.bare("keys add openai")), CANARY)
            .refused(2)
            .contains("OKAP_PASSPHRASE")
    );
    Ran::with(with_file(vault.command("keys add openai")), CANARY).ok();
    assert_eq!(std::fs::read(&file).unwrap().len(), 32);
    Ran::with(with_file(vault.bare("keys add groq")), "gsk").ok();
    drop(Server::start(with_file(vault.bare("serve --listen 127.0.0.1:0"))));

    assert!(vault.pipe("keys add mistral", "k").refused(2).contains("--key-file"));
    std::fs::rename(&file, vault.0.path().join("away")).unwrap();
    assert!(
        Ran::with(with_file(vault.bare("keys add mistral")), "k").refused(3).contains("missing")
    );
    assert!(!file.exists(), "a new one would open nothing");
    std::fs::write(&file, [1; 32]).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert!(
            Ran::with(with_file(vault.bare("keys add mistral")), "k")
                .refused(1)
                .contains("chmod 600")
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(
        Ran::with(with_file(vault.bare("keys add mistral")), "k")
            .refused(4)
            .contains("wrong key file")
    );
    std::fs::rename(vault.0.path().join("away"), &file).unwrap();
    Ran::with(with_file(vault.bare("keys add mistral")), "k").ok();

    let sealed_by_passphrase = Vault::with_key();
    let mut command = sealed_by_passphrase.command("keys add groq");
    command.arg("--key-file").arg(&file);
    assert!(Ran::with(command, "gsk").refused(2).contains("leave --key-file out"));
}

#[test]
fn without_a_vault_there_is_nothing_to_list() {
    let vault = Vault::new();
    for arguments in [
        "keys list",
        "keys remove openai",
        "grants list",
        "grants show g",
        "grants revoke g",
        "usage",
    ] {
        assert!(vault.run(arguments).refused(3).contains("okap-vault serve"), "{arguments}");
    }
    assert!(!vault.data().exists(), "looking makes nothing");
}

#[test]
fn listings_have_their_json() {
    let vault = Vault::with_key();
    assert_eq!(vault.json("grants list"), serde_json::json!({ "grants": [] }));
    let usage = serde_json::json!({
        "since": "2026-11-01T00:00:00Z",
        "usage": [],
        "total": { "calls": 0, "cost_usd": "0.00", "estimated_cost_usd": "0.00" },
    });
    assert_eq!(vault.json("usage --since 2026-11-01"), usage);
    assert!(vault.run("grants show nothing").refused(3).contains("no grant nothing"));
    assert!(vault.run("grants revoke nothing").refused(3).contains("no grant nothing"));
    assert!(vault.run("usage --grant nothing").refused(3).contains("no grant nothing"));
    assert_eq!(vault.run("usage --since yesterday").code, 2);
    // random ids may begin with a hyphen
    for arguments in [
        "grants show -KYFM",
        "grants revoke --FM",
        "usage --grant -KYFM",
        "grants show --json -KYFM",
    ] {
        assert!(vault.run(arguments).refused(3).contains("no grant -"), "{arguments}");
    }
    assert_eq!(vault.run("grants show").code, 2);
}

/// Writes a grant into the vault, as an app's exchange would; `above` are those it came from.
fn keep(vault: &Vault, id: &str, above: &[&str], delegate: Option<&str>) {
    use okap_engine::record::{Grant, insert};
    use okap_server::Vault as _;
    let grant = serde_json::json!({
        "id": id,
        "owner": okap_vault::user::owner().as_str(),
        "app": {"identity": "published", "info": {"client_id": "https://notes.example/okap.json"}},
        "access": [{
            "provider": "openai", "models": ["gpt-4o-mini"], "capabilities": ["chat"],
            "limits": {"monthly_spend": "1.00"}, "expires": "2999-01-01T00:00:00Z",
            "models_refused": [], "account": id,
        }],
        "shown": "", "created": format!("2026-01-01T00:00:0{}Z", above.len()),
        "ancestors": above, "delegate": delegate,
    });
    let grant: Grant = serde_json::from_value(grant).unwrap();
    let database = vault.data().join("vault.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = okap_vault::store::Database::open(&database).await.unwrap();
        let store = okap_vault::store::StoredVault::without_keys(database);
        store.commit(vec![insert(id, &grant), grant.owned()]).await.unwrap();
    });
}

#[test]
fn what_was_handed_on_is_listed_with_what_it_came_from() {
    let vault = Vault::with_key();
    keep(&vault, "g_root", &[], None);
    keep(&vault, "g_child", &["g_root"], Some("Summariser"));
    keep(&vault, "g_below", &["g_child", "g_root"], None);

    let list = vault.json("grants list");
    let member = |at: usize, name: &str| list["grants"][at][name].clone();
    assert_eq!(member(0, "parent"), Value::Null);
    assert_eq!(member(0, "handed_on"), serde_json::json!(["g_child"]));
    assert_eq!(member(0, "client_id"), "https://notes.example/okap.json");
    assert_eq!(
        (member(1, "parent"), member(1, "delegate")),
        ("g_root".into(), "Summariser".into())
    );
    assert_eq!(vault.json("grants show g_child")["handed_on"], serde_json::json!(["g_below"]));
    let table = vault.run("grants list").ok();
    assert!(table.contains("https://notes.example/okap.json > Summariser"), "{table}");
    let child = vault.run("grants show g_child").ok();
    assert!(child.contains("handed on     from g_root to Summariser"), "{child}");
    assert!(child.contains("handed on     as g_below to (no name), active"), "{child}");
    assert!(child.contains("client        https://notes.example/okap.json, verified"), "{child}");

    // a child alone, then the parent with all that is left
    let revoked = vault.json("grants revoke g_below");
    assert_eq!(revoked, serde_json::json!({"revoked": "g_below", "ended_with_it": 0}));
    assert_eq!(vault.json("grants show g_child")["status"], "active");
    let revoked = vault.run("grants revoke g_root").ok();
    assert!(
        revoked.contains("revoked g_root, and with it 1 that it was handed on to"),
        "{revoked}"
    );
    for id in ["g_root", "g_child", "g_below"] {
        assert_eq!(vault.json(&format!("grants show {id}"))["status"], "revoked", "{id}");
    }
}

#[test]
fn a_resource_server_gets_a_secret_once_and_the_file_its_hash() {
    let vault = Vault::new();
    let said = vault.run("introspection new gateway").ok();
    let (secret, lines) = said.split_once('\n').unwrap();
    assert!(secret.starts_with("okap_is_") && secret.len() == 8 + 43, "{secret}");
    let hash = okap_engine::token::hash(secret);
    assert_eq!(
        lines.trim(),
        format!("[[resource_server]]\nid = \"gateway\"\nsecret_sha256 = \"{hash}\"")
    );
    let settings = okap_vault::config::Settings::parse(lines, Path::new("okap-vault.toml"));
    let config = settings.unwrap().config("http://127.0.0.1:1".parse().unwrap()).unwrap();
    assert_eq!(config.resource_servers[0].id, "gateway");
    assert!(!vault.data().exists(), "nothing is kept");

    let made = vault.json("introspection new gateway");
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    assert_ne!(text("secret"), secret);
    assert_eq!(text("secret_sha256"), okap_engine::token::hash(&text("secret")));
    for id in ["a:b", "a/b", &"a".repeat(65)] {
        assert!(
            vault.run(&format!("introspection new {id}")).refused(2).contains("1 to 64"),
            "{id}"
        );
    }
    assert_eq!(vault.run("introspection new").code, 2);
}

#[test]
fn a_server_says_one_line_and_the_command_line_works_beside_it() {
    let vault = Vault::new();
    let server = Server::start(vault.command("serve --listen 127.0.0.1:0"));
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200 "));
    vault.pipe("keys add openai", CANARY).ok();
    assert_eq!(vault.providers(), ["openai"]);
    vault.run("grants list").ok();

    let mut json = vault
        .command("serve --listen 127.0.0.1:0 --json")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(json.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert!(
        ready["ready"] == true && ready["url"].as_str().unwrap().starts_with("http://127.0.0.1:")
    );
    json.kill().unwrap();
    json.wait().unwrap();
}

#[test]
fn a_log_at_its_most_talkative_has_no_secret() {
    let vault = Vault::with_key();
    let log = vault.0.path().join("log");
    let mut command = vault.command("serve --listen 127.0.0.1:0");
    command.env("OKAP_LOG", "trace");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let url = ready.trim().strip_prefix("okap-vault is ready at ").unwrap().to_owned();
    let host = url.strip_prefix("http://").unwrap().to_owned();
    let body = format!("password={CANARY}&prompt={CANARY}");
    for path in [
        format!("/v1/{CANARY}/models?key={CANARY}"),
        format!("/{CANARY}"),
        "/login".to_owned(),
        "/okap/token".to_owned(),
    ] {
        let mut stream = std::net::TcpStream::connect(&host).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer {CANARY}\r\n\
             cookie: session={CANARY}\r\norigin: {url}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    drop(Server { child, url });
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("answered").count(), 4, "{log}");
    assert!(!log.contains(CANARY) && !log.contains(PASSPHRASE), "{log}");
}

#[cfg(unix)]
#[test]
fn a_server_that_is_told_to_stop_ends_well() {
    let vault = Vault::with_key();
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(vault.command("serve --listen 127.0.0.1:0"));
        let sent = Command::new("kill")
            .args([format!("-{signal}"), server.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal}");
        let left: Vec<_> = vault.files().into_iter().map(|(path, _)| path).collect();
        assert_eq!(left, [vault.data().join("vault.db")], "the database is closed");
    }
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let vault = Vault::with_key();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = vault.run(&format!("serve --listen {address}")).refused(1);
    assert!(error.contains(&address.port().to_string()) && error.contains("--listen"), "{error}");
    drop(taken);
    drop(Server::start(vault.command(&format!("serve --listen {address}"))));
}

#[test]
fn a_vault_that_others_could_overhear_does_not_start() {
    let vault = Vault::new();
    let error = vault.run("serve --listen 0.0.0.0:0").refused(2);
    assert!(error.contains("--tls-cert") && error.contains("--behind-tls-proxy"), "{error}");
    assert!(
        vault.run("serve --listen 0.0.0.0:0 --behind-tls-proxy").refused(2).contains("--issuer")
    );
    let plain = "serve --listen 0.0.0.0:0 --behind-tls-proxy --issuer http://vault.example.com";
    assert!(vault.run(plain).refused(2).contains("https"));
    assert!(vault.run("serve --tls-cert only.pem").code == 2);
    assert!(!vault.data().exists(), "refused before anything is made");
    let proxied = "serve --listen 0.0.0.0:0 --behind-tls-proxy --issuer https://vault.example.com";
    let server = Server::start(vault.command(proxied));
    assert_eq!(server.url, "https://vault.example.com");
}

#[test]
fn a_database_that_cannot_be_used_is_left_as_it_is() {
    let vault = Vault::with_key();
    let path = vault.data().join("vault.db");
    let everywhere = |vault: &Vault, what: &str| {
        for arguments in ["serve --listen 127.0.0.1:0", "keys list", "keys add groq", "usage"] {
            let error = vault.pipe(arguments, "sk").refused(5);
            assert!(error.contains(what) && error.contains("vault.db"), "{arguments}: {error}");
        }
    };
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let before = vault.files();
    everywhere(&vault, "update okap-vault");
    assert_eq!(vault.files(), before);
    let back = Connection::open(&path).unwrap();
    back.pragma_update(None, "user_version", okap_vault::store::NEWEST).unwrap();
    drop(back);
    assert_eq!(vault.providers(), ["openai"]);

    let kept = std::fs::read(&path).unwrap();
    std::fs::write(&path, "no database at all, but somebody's notes").unwrap();
    everywhere(&vault, "no okap-vault database");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    everywhere(&vault, "cannot be opened");
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, kept).unwrap();
    assert_eq!(vault.providers(), ["openai"]);
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let vault = Vault::with_key();
    let mut shell = Command::new("sh");
    // a file size limit of nothing is a disk that is full, and needs no rights to set up
    shell.args([
        "-c",
        "trap '' XFSZ; ulimit -f 0; exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_okap-vault"),
    ]);
    shell
        .arg("--data")
        .arg(vault.data())
        .args(["keys", "add", "groq"])
        .env("OKAP_PASSPHRASE", PASSPHRASE);
    let ran = Ran::with(shell, "gsk-1");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("vault.db") && ran.stderr.contains("space"), "{}", ran.stderr);
    assert_eq!(vault.providers(), ["openai"]);
    vault.pipe("keys add groq", "gsk-1").ok();
}

/// Another user for whom the directory is read-only: root would not notice.
#[cfg(unix)]
#[test]
fn a_read_only_database_is_said_and_loses_nothing() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let vault = Vault::with_key();
    let is_root =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(vault.data()).unwrap()) == 0;
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
    };
    let run = |arguments: &str| {
        let mut command = vault.command(arguments);
        if is_root {
            command.uid(65534).gid(65534);
        }
        Ran::with(command, "gsk-1")
    };
    let database = vault.data().join("vault.db");
    chmod(vault.0.path(), 0o755);
    chmod(&vault.data(), 0o555);
    chmod(&database, 0o444);
    let error = run("keys add groq").refused(5);
    assert!(error.contains("vault.db") && error.contains("write"), "{error}");
    // a directory that can be written does not help a file that cannot
    chmod(&vault.data(), 0o777);
    let error = run("keys add groq").refused(5);
    assert!(error.contains("vault.db") && error.contains("write"), "{error}");
    for (path, _) in vault.files() {
        chmod(&path, 0o666);
    }
    run("keys add groq").ok();
    assert_eq!(vault.providers(), ["groq", "openai"]);
}

#[test]
fn completions_are_for_the_shells() {
    let vault = Vault::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = vault.run(&format!("completions {shell}")).ok();
        assert!(script.contains("okap-vault") && script.contains("revoke"), "{shell}");
        assert!(!script.contains("api-key"), "{shell} offers what is refused");
    }
}

#[test]
fn help_teaches() {
    let vault = Vault::new();
    for arguments in
        ["--help", "serve --help", "keys add --help", "grants revoke --help", "usage --help"]
    {
        let help = vault.run(arguments).ok();
        assert!(help.contains("Example"), "{help}");
    }
    let help = vault.run("--help").ok();
    for word in ["4 wrong passphrase", "OKAP_PASSPHRASE", "demo --yes"] {
        assert!(help.contains(word), "{help}");
    }
}

#[test]
fn a_first_start_without_a_passphrase_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let add = |passphrase: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_okap-vault"));
        command.arg("--data").arg(&data).args(["keys", "add", "openai"]);
        command.env_remove("OKAP_PASSPHRASE").stdin(std::process::Stdio::null());
        if let Some(passphrase) = passphrase {
            command.env("OKAP_PASSPHRASE", passphrase);
        }
        command.output().unwrap()
    };
    assert!(!add(None).status.success());
    assert!(!data.join("vault.db").exists());
    // its twin gets as far as the missing key, in a vault of its own, and says that it is new
    let said = String::from_utf8(add(Some("long enough to do")).stderr).unwrap();
    assert!(said.contains("A new vault in"), "{said}");
    assert!(data.join("vault.db").exists());
}
