use std::{
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
};

use anyhow::{Context, bail};
use toml::Value;

use super::out;
use crate::{profile::Profile, report::place, target::Target, verdict::Exit};

/// Writes okap-target.toml, and asks for what no flag says
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file
    #[arg(long, default_value = "okap-target.toml", value_name = "FILE")]
    target: PathBuf,
    /// Name of the vault
    #[arg(long)]
    name: Option<String>,
    /// Its issuer; {port} is a free port, chosen for each run
    #[arg(long, value_name = "ADDRESS")]
    url: Option<String>,
    /// What it claims beside core
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<Profile>,
    /// The command that starts it; without, it runs already
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// Its test hook
    #[arg(long, value_name = "ADDRESS", conflicts_with = "approve_url")]
    hook: Option<String>,
    /// An address that decides when it is fetched, with {correlation} and {action} in it
    #[arg(long, value_name = "ADDRESS")]
    approve_url: Option<String>,
    /// Replaces a file that is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let file = args.target.display().to_string();
    if args.target.exists() && !args.force {
        bail!("{file} is there already; --force replaces it");
    }
    let answers = match (&args.name, &args.url) {
        (Some(name), Some(url)) => Answers::given(&args, name, url),
        _ if io::stdin().is_terminal() => Answers::asked(&args, &mut io::stdin().lock())?,
        _ => bail!("say --name and --url, or answer at a terminal"),
    };
    let text = answers.text();
    Target::parse(&text, &args.target, &[], [])?;
    place(&args.target, &text)?;
    out::line(&format!("{file} is written; next: okap-conformance doctor --target {file}"));
    Ok(Exit::Conformant)
}

/// What nobody can answer before the vault is set up for the tests.
const TIMEOUTS: &str = "
[timeouts]
# for a provider's answer to begin, as the vault is set up: without it proxy.patience.silent, where a
# provider is silent, is untestable; `request` (15s) has to be over 4 s more
# provider = \"8s\"
";

/// What the file says.
struct Answers {
    name: String,
    url: String,
    profiles: Vec<Profile>,
    command: String,
    hook: String,
    approve_url: String,
}

impl Answers {
    fn given(args: &Args, name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            profiles: args.profile.clone(),
            command: args.command.clone().unwrap_or_default(),
            hook: args.hook.clone().unwrap_or_default(),
            approve_url: args.approve_url.clone().unwrap_or_default(),
        }
    }

    fn asked(args: &Args, input: &mut impl BufRead) -> anyhow::Result<Self> {
        let mut ask = |flag: Option<&String>, question: &str, usual: &str| match flag {
            Some(given) => Ok(given.clone()),
            None => asked(input, question, usual),
        };
        let name = ask(args.name.as_ref(), "Name of the vault", "my-vault")?;
        let url = ask(args.url.as_ref(), "Its address", "http://127.0.0.1:8787")?;
        let given = (!args.profile.is_empty())
            .then(|| args.profile.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        let words = ask(
            given.as_ref(),
            "Profiles beside core (oauth proxy limits device dpop delegation admin)",
            "proxy",
        )?;
        let profiles = words.split([' ', ',']).filter(|word| !word.is_empty());
        let profiles: Result<Vec<Profile>, String> = profiles.map(str::parse).collect();
        let question = "Command that starts it, empty where it runs already";
        let command = ask(args.command.as_ref(), question, "")?;
        let hook = match args.approve_url {
            Some(_) => String::new(),
            None => ask(args.hook.as_ref(), "Address of its test hook, empty for none", "")?,
        };
        Ok(Self {
            name,
            url,
            profiles: profiles.map_err(anyhow::Error::msg)?,
            command,
            hook,
            approve_url: args.approve_url.clone().unwrap_or_default(),
        })
    }

    fn text(&self) -> String {
        let value = |text: &str| Value::from(text).to_string();
        let words: Vec<_> = self.profiles.iter().map(|p| value(p.word())).collect();
        let mut text = format!(
            "# A vault as okap-conformance tests it.\n[target]\nname = {}\nbase_url = {}\n\
             profiles = [{}]\n",
            value(&self.name),
            value(&self.url),
            words.join(", ")
        );
        if self.url.starts_with("https://") {
            text.push_str("# ca = \"ca.pem\" for a certificate of an authority of its own\n");
        }
        let command: Vec<_> = self.command.split_whitespace().map(value).collect();
        if !command.is_empty() {
            text.push_str(&format!(
                "\n# {{port}}, {{base_url}}, {{dir}} (a new folder), {{provider.openai}} and \
                 {{master.openai}} (address and key of the\n# fake provider) are filled in; no report \
                 shows a value of env but those that open names: open = [\"RUST_LOG\"]\n\
                 [launch]\ncommand = [{}]\nready = \"GET /.well-known/oauth-authorization-server\"\n\
                 env = {{ OPENAI_BASE_URL = \"{{provider.openai}}\", OPENAI_API_KEY = \
                 \"{{master.openai}}\" }}\n",
                command.join(", ")
            ));
        }
        text.push_str("\n[consent]\n");
        match (self.hook.as_str(), self.approve_url.as_str()) {
            ("", "") => {
                text.push_str("# nobody decides yet: hook = \"…\", or run --consent human\n")
            }
            ("", address) => text.push_str(&format!("approve_url = {}\n", value(address))),
            (hook, _) => text.push_str(&format!("hook = {}\n", value(hook))),
        }
        text.push_str(TIMEOUTS);
        text
    }
}

/// The answer to a question; an empty one is the usual.
fn asked(input: &mut impl BufRead, question: &str, usual: &str) -> anyhow::Result<String> {
    match usual {
        "" => out::ask(&format!("{question}: ")),
        usual => out::ask(&format!("{question} [{usual}]: ")),
    }
    let mut line = String::new();
    if input.read_line(&mut line).context("cannot read the answer")? == 0 {
        bail!("the questions were not answered: {question}");
    }
    let answer = line.trim();
    Ok(if answer.is_empty() { usual } else { answer }.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &[&str]) -> Args {
        Line::parse_from([&["init"], line].concat()).args
    }

    #[test]
    fn answers_make_a_description_that_holds() {
        let mut input = "acme \"vault\"\n\nproxy, limits\n./acme serve {port}\n\n".as_bytes();
        let text = Answers::asked(&args(&[]), &mut input).unwrap().text();
        let target = Target::parse(&text, Path::new("t.toml"), &[], []).unwrap();
        assert_eq!(target.target.name, "acme \"vault\"");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn an_address_at_https_says_how_an_authority_is_named() {
        let hint = "# ca = \"ca.pem\" for";
        let at = |url: &str| Answers::given(&args(&[]), "a", url).text();
        assert!(!at("http://127.0.0.1:1").contains(hint));
        let text = at("https://127.0.0.1:1");
        assert!(text.contains(hint));
        let set = text.replace("# ca", "ca").replace("\" for", "\" # for");
        let target = Target::parse(&set, Path::new("t.toml"), &[], []).unwrap();
        assert_eq!(target.target.ca.as_deref(), Some(Path::new("ca.pem")));
    }

    #[test]
    fn how_long_the_vault_waits_for_a_provider_stands_there_to_be_said() {
        let text = Answers::given(&args(&[]), "a", "http://127.0.0.1:1").text();
        let waits = |text: &str| {
            let target = Target::parse(text, Path::new("t.toml"), &[], []).unwrap();
            target.timeouts.waits_for_provider()
        };
        assert!(waits(&text).is_err());
        assert!(waits(&text.replace("# provider =", "provider =")).is_ok());
    }

    #[test]
    fn flags_are_not_asked_for() {
        let flags = args(&["--name", "a", "--url", "http://127.0.0.1:1", "--profile", "oauth"]);
        let flags = Args { hook: Some("http://127.0.0.1:1/h".to_owned()), ..flags };
        let asked = Answers::asked(&flags, &mut "\n".as_bytes()).unwrap().text();
        let given = Answers::given(&flags, "a", "http://127.0.0.1:1").text();
        assert_eq!(asked, given);
        assert!(given.contains("hook = \"http://127.0.0.1:1/h\"") && given.contains("[\"oauth\"]"));
    }

    #[test]
    fn a_profile_that_there_is_not_and_an_answer_that_is_missing_are_said() {
        let said = |text: &str| {
            let asked = Answers::asked(&args(&[]), &mut text.as_bytes());
            asked.map(|_| ()).unwrap_err().to_string()
        };
        assert!(said("a\n\nproxi\n\n\n").contains("proxi"));
        assert!(said("a\n").contains("not answered"));
    }
}
