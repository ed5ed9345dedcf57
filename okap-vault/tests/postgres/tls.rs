//! TLS to the database means what libpq's words mean.

use okap_vault::store::{Database, Fault};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::server::{Server, sql};

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_proves_as_much_as_sslmode_asks_for() {
    let home = tempfile::tempdir().unwrap();
    let (ours, others) = (issuer(), issuer());
    let file = |name: &str, issuer: &CertifiedIssuer<'static, KeyPair>| {
        let path = home.path().join(name);
        std::fs::write(&path, issuer.pem()).unwrap();
        format!("sslrootcert={}", path.display())
    };
    let (ours_file, others_file) = (file("ours.pem", &ours), file("others.pem", &others));
    // it holds for the name localhost and not for the address 127.0.0.1
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours);
    let (certificate, key) = (certificate.unwrap().pem(), key.serialize_pem());
    let server =
        tokio::task::spawn_blocking(move || Server::with_tls(&certificate, &key)).await.unwrap();
    let by_address = server.database();
    let by_name = by_address.replace("127.0.0.1", "localhost");
    let connect = async |url: &str, words: &str| {
        Database::connect(&format!("{url}?{words}").parse().unwrap()).await.map_err(|e| e.fault())
    };
    for (url, words, is_let_in) in [
        (&by_name, format!("sslmode=verify-full&{ours_file}"), true),
        (&by_address, format!("sslmode=verify-full&{ours_file}"), false),
        (&by_name, format!("sslmode=verify-full&{others_file}"), false),
        (&by_name, "sslmode=verify-full".to_owned(), false),
        (&by_address, format!("sslmode=verify-ca&{ours_file}"), true),
        (&by_address, format!("sslmode=verify-ca&{others_file}"), false),
        (&by_address, format!("sslmode=require&{others_file}"), false),
        (&by_address, "sslmode=require".to_owned(), true),
        (&by_address, "sslmode=prefer".to_owned(), true),
        (&by_address, "sslmode=disable".to_owned(), true),
    ] {
        let done = connect(url, &words).await;
        let expected = if is_let_in { None } else { Some(Fault::Unreachable) };
        assert_eq!(done.err(), expected, "{words}");
    }
    let missing = format!("sslmode=verify-ca&sslrootcert={}/none.pem", home.path().display());
    assert_eq!(connect(&by_name, &missing).await.unwrap_err(), Fault::Roots);

    // what is asked for is what is spoken
    for (words, spoken) in [("sslmode=prefer", "t"), ("sslmode=disable", "f")] {
        let held = connect(&by_address, words).await.unwrap();
        let url = by_address.clone();
        let ask = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                   WHERE application_name = 'okap-vault'";
        let found = tokio::task::spawn_blocking(move || sql(&url, ask)).await.unwrap();
        assert_eq!(found, spoken, "{words}");
        drop(held);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}
