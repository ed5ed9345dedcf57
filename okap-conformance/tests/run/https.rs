//! A vault at `https`, whose certificate is of an authority of its own.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::command::{Folder, Ran, run, vault};

/// Runs tests against the vault of this project behind a certificate, with settings more.
async fn over_tls(folder: &Folder, tests: &[&str], settings: &[&str]) -> Ran {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    folder.write("ca.pem", &authority.pem());
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    let cert = folder.write("cert.pem", &certificate.pem());
    let key = folder.write("key.pem", &key.serialize_pem());
    let command = format!(
        "launch.command=['okap-vault','--data','{{dir}}','--config',\
         '{{here}}/okap-target.vault.toml','serve','--listen','127.0.0.1:{{port}}',\
         '--conformance-hook','--tls-cert','{cert}','--tls-key','{key}']"
    );
    let target = vault();
    let mut arguments = vec!["run"];
    arguments.extend(tests);
    arguments.extend(["--target", &target, "--json", "--set", &command]);
    arguments.extend(["--set", "target.base_url=https://127.0.0.1:{port}"]);
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    run(&arguments).await
}

#[tokio::test]
async fn a_vault_behind_a_certificate_is_tested_where_its_authority_is_named() {
    let folder = Folder::new();
    let ca = format!("target.ca={}", folder.at("ca.pem"));
    // those of `proxy` write on connections of their own
    let tests = ["core.", "proxy.framing", "proxy.stream"];
    let ran = over_tls(&folder, &tests, &[&ca]).await;
    let tests = ran.report()["tests"].as_array().unwrap().len() as u64;
    assert_eq!((ran.code, ran.count("pass")), (0, tests), "{}{}", ran.stdout, ran.stderr);
    assert!(tests > 30, "{tests}");
}

#[tokio::test]
async fn how_to_try_a_failure_again_names_the_authority() {
    let folder = Folder::new();
    let file = folder.at("ca.pem");
    let (ca, reports) = (format!("target.ca={file}"), folder.at("reports"));
    // its refusal comes later than the test wants it
    let settings = [ca.as_str(), "timeouts.provider=1s"];
    let tests = ["proxy.patience", "--once", "--reports", &reports];
    let ran = over_tls(&folder, &tests, &settings).await;
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let script = folder.read("reports/failed/proxy.patience.silent.sh");
    let calls = script.lines().filter(|line| line.starts_with("curl "));
    let named = format!(" --cacert \"{file}\" ");
    assert!(calls.clone().count() > 1, "{script}");
    assert!(calls.clone().all(|line| line.contains(&named)), "{script}");
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_named_where_the_vault_does_not_answer() {
    let folder = Folder::new();
    let ran = over_tls(&folder, &["core.grant"], &["timeouts.launch=3s"]).await;
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    for said in ["its certificate is not trusted", "UnknownIssuer", "target.ca"] {
        assert!(ran.stderr.contains(said), "{said} in {}", ran.stderr);
    }
}

#[tokio::test]
async fn a_file_that_is_no_certificate_is_wrong_usage() {
    let folder = Folder::new();
    let ca = folder.write("other.pem", "no certificate");
    let ran = over_tls(&folder, &["core.grant"], &[&format!("target.ca={ca}")]).await;
    assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains(&ca) && ran.stderr.contains("no certificate in PEM"));
}
