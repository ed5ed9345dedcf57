//! A PostgreSQL of this test process: made when it is first asked for, gone when the process is.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

const PASSWORD: &str = "a-password-for-tests";

/// A running PostgreSQL.
pub(crate) struct Server {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
    running: Option<Child>,
    /// Whether it has a certificate to speak TLS with.
    speaks_tls: bool,
}

/// The server that all tests of this process share, each in a database of its own.
static SHARED: Mutex<Option<Server>> = Mutex::new(None);

/// The address of a new, empty database.
pub(crate) fn database() -> String {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.get_or_insert_with(Server::start).database()
}

impl Server {
    /// Makes and starts one; fsync is on, as it is for users.
    pub(crate) fn start() -> Self {
        Self::with(None)
    }

    /// One that speaks TLS with this certificate and key, PEM.
    pub(crate) fn with_tls(certificate: &str, key: &str) -> Self {
        Self::with(Some((certificate, key)))
    }

    fn with(tls: Option<(&str, &str)>) -> Self {
        let programs = programs();
        // root may not run a database: it becomes the user that Debian made for it, or nobody
        let user = (id("-u", None) == Some(0)).then(|| {
            ["postgres", "nobody"]
                .into_iter()
                .find_map(|name| Some((id("-u", Some(name))?, id("-g", Some(name))?)))
                .expect("root needs a user postgres or nobody to run PostgreSQL as")
        });
        let folder = tempfile::Builder::new().prefix("okap-postgres-").tempdir().unwrap().keep();
        fs::write(folder.join("password"), PASSWORD).unwrap();
        if let Some((user, group)) = user {
            std::os::unix::fs::chown(&folder, Some(user), Some(group)).unwrap();
            std::os::unix::fs::chown(folder.join("password"), Some(user), Some(group)).unwrap();
        }
        let speaks_tls = tls.is_some();
        let mut server = Self { folder, programs, user, port: 0, running: None, speaks_tls };
        let data = server.data();
        let made = server
            .command("initdb")
            .args(["--no-sync", "--no-instructions", "-U", "okap", "--auth=scram-sha-256"])
            .args(["--encoding=UTF8", "--locale=C", "--pwfile"])
            .arg(server.folder.join("password"))
            .arg("-D")
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for (name, text) in
            tls.iter().flat_map(|tls| [("server.crt", tls.0), ("server.key", tls.1)])
        {
            let file = data.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some((user, group)) = user {
                std::os::unix::fs::chown(&file, Some(user), Some(group)).unwrap();
            }
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        server.port = free.local_addr().unwrap().port();
        drop(free);
        server.run();
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts the program; the shell that holds it ends it when this process ends, however it does.
    pub(crate) fn run(&mut self) {
        // told to go on it leaves the data, for the next start; where nobody is left to tell it
        // removes all
        let script = "\"$@\" 2>>\"$0\" & server=$!; read -r told; kill -QUIT $server; wait $server
                      [ \"$told\" ] || rm -rf \"${0%/log}\"";
        let log = self.folder.join("log");
        let mut shell = Command::new("sh");
        if let Some((user, group)) = self.user {
            std::os::unix::process::CommandExt::uid(&mut shell, user);
            std::os::unix::process::CommandExt::gid(&mut shell, group);
        }
        shell
            .args(["-c", script])
            .arg(&log)
            .arg(self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .args(["-c", "fsync=on", "-p", &self.port.to_string()])
            .args(["-c", if self.speaks_tls { "ssl=on" } else { "ssl=off" }])
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.running = Some(shell.spawn().unwrap());
        let begun = Instant::now();
        while !self.psql("postgres", "SELECT 1").0 {
            let late = begun.elapsed() > Duration::from_secs(30);
            assert!(!late, "{}", fs::read_to_string(&log).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as a crash would: connections break, nothing is flushed.
    pub(crate) fn crash(&mut self) {
        if let Some(mut shell) = self.running.take() {
            shell.stdin.take().unwrap().write_all(b"stopped\n").unwrap();
            shell.wait().unwrap();
        }
    }

    /// The address of a new, empty database.
    pub(crate) fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vault{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let (made, said) = self.psql("postgres", &format!("CREATE DATABASE {name}"));
        assert!(made, "{said}");
        format!("postgres://okap:{PASSWORD}@127.0.0.1:{}/{name}", self.port)
    }

    fn psql(&self, database: &str, sql: &str) -> (bool, String) {
        let done = self
            .command("psql")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "okap", "-d", database])
            .args(["-v", "ON_ERROR_STOP=1", "-Atqc", sql])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&said).trim().to_owned())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        if let Some((user, group)) = self.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
            std::os::unix::process::CommandExt::gid(&mut command, group);
        }
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.crash();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Runs SQL in the database of an address, as somebody who holds its password.
pub(crate) fn sql(url: &str, sql: &str) -> String {
    let done = Command::new(programs().join("psql"))
        .args(["-v", "ON_ERROR_STOP=1", "-Atqc", sql, url])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn id(which: &str, user: Option<&str>) -> Option<u32> {
    let said = Command::new("id").arg(which).args(user).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().parse().ok()
}

/// Where PostgreSQL is installed: what is first on the path, else Debian's newest.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_all = |folder: &Path| {
        ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).exists())
    };
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .collect();
    debian.sort();
    folders.extend(debian.into_iter().rev());
    folders.into_iter().find(|folder| has_all(folder)).expect(
        "these tests need PostgreSQL (initdb, postgres and psql); on Debian: apt-get install postgresql",
    )
}
