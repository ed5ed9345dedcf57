//! Lets the disk and the clock of a process fail, by a library that is loaded before libc.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// What the disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    Sound,
    /// No space is left.
    Full,
    ReadOnly,
    /// Each sync takes 200 ms.
    Slow,
}

/// The switch of one vault's disk.
#[derive(Debug)]
pub(crate) struct Switch(PathBuf);

impl Switch {
    pub(crate) fn at(path: PathBuf) -> Self {
        let switch = Self(path);
        switch.turn(Disk::Sound);
        switch
    }

    pub(crate) fn turn(&self, disk: Disk) {
        let byte = match disk {
            Disk::Sound => b"-",
            Disk::Full => b"f",
            Disk::ReadOnly => b"r",
            Disk::Slow => b"s",
        };
        // in place: the process has it mapped
        let mut file =
            fs::File::options().create(true).truncate(false).write(true).open(&self.0).unwrap();
        std::io::Write::write_all(&mut file, byte).unwrap();
    }

    /// Has a process obey it, for files below a directory, with a clock so many seconds ahead.
    pub(crate) fn bind(&self, program: &mut Command, below: &Path, ahead: i64) {
        program
            .env("LD_PRELOAD", library())
            .env("FAULT_SWITCH", &self.0)
            .env("FAULT_BELOW", below)
            .env("FAULT_CLOCK", ahead.to_string());
    }
}

fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/shim.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let ours = folder.join(format!("shim-{}.so", std::process::id()));
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&ours)
            .args([source, "-ldl"])
            .output()
            .expect("these tests need a C compiler (cc); on Debian: apt-get install gcc libc6-dev");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // one name for all test processes, so that none piles up
        let library = folder.join("shim.so");
        fs::rename(&ours, &library).unwrap();
        library
    })
}
