//! What a process has used, as the system counts it.

use std::{io, process::Command};

/// A running process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process(pub(super) u32);

/// Clock ticks a second in `/proc`, the same on every Linux.
const TICKS: f64 = 100.0;

/// Connections of 1,000 streams on both sides, and room beside them.
const FILES: u32 = 8_192;

impl Process {
    /// CPU time so far, in seconds.
    ///
    /// # Errors
    /// Where `/proc` does not say.
    pub(super) fn cpu(self) -> io::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // the name in brackets may hold anything
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
        let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<f64>);
        let ticks: Result<Vec<_>, _> = ticks.collect();
        match ticks.as_deref() {
            Ok([user, system]) => Ok((user + system) / TICKS),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Resident memory, in MB of 1,000,000 bytes.
    ///
    /// # Errors
    /// Where `/proc` does not say.
    pub(super) fn memory(self) -> io::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_ascii_whitespace().next());
        let kib = kib.and_then(|kib| kib.parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0 / 1e6).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Lets it, and what it starts from then on, open files enough, as far as the system lets it.
    pub(super) fn open_files(self) {
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &self.0.to_string()]).arg(format!("--nofile={FILES}:"));
        // what does not fit says so when it is opened
        let _ = prlimit.output();
    }

    /// Keeps all its threads to these cores; `false` where the system cannot.
    pub(super) fn keep_to(self, cores: &str) -> bool {
        let pid = self.0.to_string();
        let mut taskset = Command::new("taskset");
        taskset.args(["--all-tasks", "--cpu-list", "--pid", cores, &pid]);
        taskset.output().is_ok_and(|done| done.status.success())
    }
}

/// A command that runs on one core alone, where the system can do that.
pub(super) fn on_core(core: Option<usize>, program: &std::path::Path) -> Command {
    match core {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.arg("--cpu-list").arg(core.to_string()).arg(program);
            command
        }
        None => Command::new(program),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_some_cpu_and_some_memory() {
        let own = Process(std::process::id());
        let memory = own.memory().unwrap();
        assert!((1.0..10_000.0).contains(&memory), "{memory} MB");
        assert!(own.cpu().unwrap() < 3600.0);
        assert!(Process(u32::MAX).cpu().is_err());
    }
}
