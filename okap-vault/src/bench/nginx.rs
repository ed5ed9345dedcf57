//! nginx as a plain keep-alive proxy: what the figures are compared to.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use super::process::{Process, on_core};

/// How long it may take to listen.
const START: Duration = Duration::from_secs(5);

/// A running nginx; ends when dropped.
#[derive(Debug)]
pub(super) struct Nginx {
    child: Child,
    pub(super) address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where nginx is installed, if it is.
pub(super) fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).chain(usual);
    folders.find_map(|folder| Some(folder.join("nginx")).filter(|program| program.is_file()))
}

impl Nginx {
    /// Starts it on a core before an upstream.
    ///
    /// # Errors
    /// What it says when it does not start.
    pub(super) fn start(
        program: &Path,
        upstream: SocketAddr,
        core: Option<usize>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("okap-bench-nginx-").tempdir()?;
        // free a moment ago: nginx cannot be told to choose
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let config = folder.path().join("nginx.conf");
        std::fs::write(&config, text(folder.path(), upstream, address))?;
        let said = std::fs::File::create(folder.path().join("said"))?;
        let mut child = on_core(core, program)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&config)
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .context("nginx cannot be started")?;
        let began = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if child.try_wait()?.is_some() || began.elapsed() > START {
                let _ = child.kill();
                let said = std::fs::read_to_string(folder.path().join("said"))?;
                bail!("nginx did not start: {}", said.trim());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { child, address, _folder: folder })
    }

    pub(super) fn process(&self) -> Process {
        Process(self.child.id())
    }
}

/// Its version, such as `1.22.1`.
///
/// # Errors
/// Where it cannot be run.
pub(super) fn version(program: &Path) -> io::Result<String> {
    let said = std::process::Command::new(program).arg("-v").output()?;
    let said = String::from_utf8_lossy(&said.stderr).trim().to_owned();
    Ok(said.rsplit_once('/').map_or_else(|| said.clone(), |(_, version)| version.to_owned()))
}

fn text(folder: &Path, upstream: SocketAddr, listen: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
master_process off;
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  tcp_nodelay on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  upstream provider {{
    server {upstream};
    keepalive 1024;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }}
  server {{
    listen {listen} backlog=4096;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"
    )
}
