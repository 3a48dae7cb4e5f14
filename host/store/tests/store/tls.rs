//! TLS to a PostgreSQL server: with a certificate that the platform trusts, and with none that it does.

use crate::{
    blocking::wait,
    postgres::{Cluster, Tls},
    support::Place,
};
use forgeport_store::{KeySource, Store, SystemKeyring};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::{env, fs, net::TcpListener, path::Path, process::Command};

const URL: &str = "STORE_TEST_URL";
const DIRECTORY: &str = "STORE_TEST_TLS_DIRECTORY";

/// An authority's certificate, and a server's for this name by it.
fn certificates(name: &str) -> (String, Tls) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let port = TcpListener::bind("localhost:0").unwrap().local_addr().unwrap().port();
    (authority, Tls { certificate: server.pem(), key: key.serialize_pem(), port })
}

/// Whether a process that trusts only this authority connects, or what it says.
fn connected(url: &str, trusted: &Path, place: &Place) -> Result<(), String> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "tls::a_process_that_connects", "--ignored", "--nocapture"]);
    command.env(URL, url).env(DIRECTORY, place.directory()).env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() && text.contains("connected") { Ok(()) } else { Err(text) }
}

#[test]
#[ignore = "another test runs it, in a process of its own"]
fn a_process_that_connects() {
    let (Ok(url), Some(directory)) = (env::var(URL), env::var_os(DIRECTORY)) else { return };
    wait(Store::connect(&url, Path::new(&directory), KeySource::File, Box::new(SystemKeyring))).unwrap();
    println!("connected");
}

#[test]
fn a_server_is_spoken_to_only_with_a_certificate_of_its_name_that_the_platform_trusts() {
    let place = Place::new();
    fs::create_dir_all(place.directory()).unwrap();
    crate::support::chmod(&place.directory(), 0o700);
    let (other, _) = certificates("localhost");
    for (name, is_right) in [("localhost", true), ("elsewhere.example", false)] {
        let (authority, tls) = certificates(name);
        let Some(cluster) = Cluster::start_with(Some(&tls)) else { return };
        let (owner, _) = cluster.database();
        wait(Store::migrate(&owner, "forgeport_app")).unwrap();
        let database = owner.split(['/', '?']).nth(3).unwrap();
        let url = format!("postgresql://forgeport_app@localhost:{}/{database}?sslmode=verify-full", tls.port);
        let file = |name: &str, pem: &str| {
            let path = place.file(name);
            fs::write(&path, pem).unwrap();
            path
        };
        let trusting = connected(&url, &file("authority.pem", &authority), &place);
        assert_eq!(trusting.is_ok(), is_right, "{name}: {trusting:?}");
        let refused = connected(&url, &file("other.pem", &other), &place).unwrap_err();
        for error in [Some(refused), trusting.err()].into_iter().flatten() {
            assert!(error.contains("certificate"), "{error}");
        }
    }
}
