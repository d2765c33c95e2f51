//! PostgreSQL over TLS: an address that asks for it is verified by authority and name, or refused.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use fairdue::store::{Store, StoreOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::faults::counted;
use crate::support::database::{Backend, Database};
use crate::support::postgres::fresh_directory;

/// An authority of the test's own.
pub fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A file that PostgreSQL's own user may read and nobody else, as it asks of keys.
pub fn file(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).expect("write a file");
    let owner = std::fs::metadata(directory).expect("a directory");
    chown(&path, Some(owner.uid()), Some(owner.gid())).expect("give the file away");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("close the file");
    path
}

/// A certificate for a name and its key, in files.
pub fn certificate(directory: &Path, authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> (PathBuf, PathBuf) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    (file(directory, "server.crt", &certificate.pem()), file(directory, "server.key", &key.serialize_pem()))
}

/// The server shows a certificate for this name from now on.
async fn show(url: &str, directory: &Path, authority: &CertifiedIssuer<'static, KeyPair>, name: &str) {
    let (certificate, key) = certificate(directory, authority, name);
    let mut admin = PgConnection::connect(url).await.expect("connect");
    for sql in [
        format!("ALTER SYSTEM SET ssl_cert_file = '{}'", certificate.display()),
        format!("ALTER SYSTEM SET ssl_key_file = '{}'", key.display()),
        "ALTER SYSTEM SET ssl = on".to_owned(),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        admin.execute(AssertSqlSafe(sql)).await.expect("a setting");
    }
    // Taken over a moment later: sessions that begin then speak TLS where they may.
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
}

const PLAIN: &str = "SELECT COUNT(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
    WHERE datname = current_database() AND application_name = 'fairdue' AND NOT ssl";
const ALL: &str = "SELECT COUNT(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'fairdue'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_of_postgresql_is_verified() {
    let database = Database::durable(Backend::Postgres).await;
    let directory = fresh_directory();
    let (own, other) = (authority(), authority());
    let (own_pem, other_pem) = (directory.join("own.pem"), directory.join("other.pem"));
    std::fs::write(&own_pem, own.pem()).expect("write a certificate");
    std::fs::write(&other_pem, other.pem()).expect("write a certificate");
    let verified =
        |authorities: &Path| format!("{}?sslmode=verify-full&sslrootcert={}", database.url, authorities.display());

    show(&database.url, &directory, &own, "127.0.0.1").await;
    let store = Store::open(&verified(&own_pem), &StoreOptions::default()).await.expect("a store over TLS");
    store.ping().await.expect("an answer");
    assert!(counted(&database.url, ALL).await > 0);
    assert_eq!(counted(&database.url, PLAIN).await, 0, "sessions without TLS");
    store.close().await;

    let quick = StoreOptions { acquire_timeout: std::time::Duration::from_secs(2), ..StoreOptions::default() };
    let refused = Store::open(&verified(&other_pem), &quick).await.expect_err("another authority");
    println!("{refused:?}");
    show(&database.url, &directory, &own, "elsewhere.example").await;
    let refused = Store::open(&verified(&own_pem), &quick).await.expect_err("another name");
    println!("{refused:?}");
    assert_eq!(counted(&database.url, ALL).await, 0, "nobody was let in");
    let _ = std::fs::remove_dir_all(directory);
}
