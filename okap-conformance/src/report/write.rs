use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Form, RenderError, Run, curl, har};
use crate::{
    canary::Secrets,
    redact::{self, Leak},
};

/// Why a report is not there.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It shows a secret.
    #[error(transparent)]
    Leak(#[from] Leak),
    /// It cannot be made.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The file cannot be written.
    #[error("cannot write {}: {}", .0.display(), .1)]
    File(PathBuf, #[source] io::Error),
}

/// Which reports are wanted, and where.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    /// A folder for all of them, with `failed/TEST.har` and `failed/TEST.sh` for what did not pass.
    pub folder: Option<PathBuf>,
    /// Single ones.
    pub single: Vec<(Form, PathBuf)>,
}

impl Reports {
    /// Writes them. Every one is made and looked through before the first is written, so that a
    /// secret in one of them leaves none behind.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&self, run: &Run, events: &str, secrets: &Secrets) -> Result<(), WriteError> {
        let mut files = Vec::new();
        for (form, path) in &self.single {
            files.push((path.clone(), form.render(run)?));
        }
        if let Some(folder) = &self.folder {
            for form in Form::ALL {
                files.push((folder.join(form.file()), form.render(run)?));
            }
            files.push((folder.join("events.ndjson"), events.to_owned()));
            for tested in run.trouble() {
                let at = |end| folder.join("failed").join(format!("{}.{end}", tested.test));
                if !tested.exchanges.is_empty() {
                    files.push((at("har"), format!("{:#}\n", har::document(tested))));
                    files.push((at("sh"), curl::script(tested)));
                }
            }
        }
        for (path, text) in &files {
            redact::look(secrets, &path.display().to_string(), text)?;
        }
        files.iter().try_for_each(|(path, text)| place(path, text))
    }
}

/// Writes a file and the folders above it.
///
/// # Errors
/// [`WriteError::File`].
pub fn place(path: &Path, text: &str) -> Result<(), WriteError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = folder.map_or(Ok(()), fs::create_dir_all);
    let written = made.and_then(|()| fs::write(path, text));
    written.map_err(|error| WriteError::File(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_folder_gets_every_report_and_what_tries_a_failure_again() {
        let folder = tempfile::tempdir().unwrap();
        let reports = Reports { folder: Some(folder.path().to_owned()), single: Vec::new() };
        reports.write(&sample::every(), "", &Secrets::default()).unwrap();
        for form in Form::ALL {
            assert!(folder.path().join(form.file()).exists(), "{form}");
        }
        for file in ["proxy.refuse.model.har", "proxy.refuse.model.sh"] {
            assert!(folder.path().join("failed").join(file).exists(), "{file}");
        }
    }

    #[test]
    fn a_secret_in_one_report_leaves_none_behind() {
        let folder = tempfile::tempdir().unwrap();
        let reports = Reports { folder: Some(folder.path().join("all")), single: Vec::new() };
        let mut run = sample::every();
        let secrets = Secrets::default();
        secrets.know("master", "sk-okapconf-not-for-reports");
        // in one exchange of one test: HAR, the script and the page have it, the badge has not
        run.tested.last_mut().unwrap().exchanges[0].answer = "sk-okapconf-not-for-reports".into();
        let error = reports.write(&run, "", &secrets).unwrap_err();
        assert!(matches!(error, WriteError::Leak(_)), "{error}");
        assert!(!folder.path().join("all").exists());
        reports.write(&sample::every(), "", &secrets).unwrap();
    }
}
