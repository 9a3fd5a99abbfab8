//! Configurations from PEM files; and files that cannot be used: which one, and what is wrong with it.

use std::fs;
use std::path::{Path, PathBuf};

use steadfast::{ClientConfigBuilder, CloseReason, ServerConfigBuilder};
use steadfast_tests::over_zmq::{Both, localhost};
use steadfast_zmq::pem::{self, Fault, PemError};
use steadfast_zmq::testing::insecure_test_credentials;
use steadfast_zmq::{Client, Endpoint, Server, default_provider};
use tempfile::TempDir;

struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        let credentials = insecure_test_credentials("localhost");
        let (certificate, key) = credentials.server_pem();
        let (other_certificate, other_key) = credentials.issue_pem("another");
        files.write("authority.pem", &credentials.authority_pem());
        files.write("other.pem", &other_certificate);
        files.write("good.pem", certificate);
        files.write("good.key", key);
        files.write("other.key", &other_key);
        files.write("both.key", &format!("{key}{other_key}"));
        files.write("text.pem", "just some text");
        files.write(
            "broken.pem",
            "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
        );
        files.write("cut.pem", &certificate[..certificate.len() / 2]);
        files.write(
            "nonsense.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        );
        fs::create_dir(files.path("directory")).expect("writable");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("writable");
    }

    fn server(&self) -> ServerConfigBuilder {
        pem::server(self.path("good.pem"), self.path("good.key")).expect("can be used")
    }

    fn server_for_known_clients(&self) -> ServerConfigBuilder {
        let verifier = pem::client_verifier(self.path("authority.pem")).expect("can be used");
        self.server().client_verifier(verifier)
    }

    fn client(&self, authorities: &str) -> ClientConfigBuilder {
        pem::client(self.path(authorities)).expect("can be used")
    }

    /// What is wrong, after a check that the message names the file.
    fn fault(&self, chain: &str, key: &str, guilty: &str) -> Fault {
        let error = pem::identity(self.path(chain), self.path(key), &default_provider()).expect_err("cannot be used");
        named(error, &self.path(guilty))
    }
}

fn named(error: PemError, guilty: &Path) -> Fault {
    assert_eq!(error.file, guilty);
    assert!(error.to_string().contains(&*guilty.to_string_lossy()), "{error}");
    error.fault
}

#[test]
fn good_files_are_loaded() {
    let files = Files::new();
    pem::identity(files.path("good.pem"), files.path("good.key"), &default_provider()).expect("can be used");
    assert_eq!(pem::roots(files.path("good.pem")).expect("can be used").len(), 1);
}

#[test]
fn a_client_and_a_server_from_files_find_each_other() {
    let files = Files::new();
    both(files.client("authority.pem"), files.server()).establish();
}

#[test]
fn clients_of_the_right_authority_are_known_by_their_certificates() {
    let files = Files::new();
    let client = pem::client_with_identity(
        files.path("authority.pem"),
        files.path("other.pem"),
        files.path("other.key"),
    )
    .expect("can be used");
    let mut both = both(client.endpoint_name("worker-7"), files.server_for_known_clients());
    both.establish();
    assert_eq!(both.client_identity().certificates().len(), 1);
    assert_eq!(both.client_identity().endpoint_name(), Some("worker-7"));
}

#[test]
fn a_client_without_a_certificate_is_refused_where_one_is_wanted() {
    let files = Files::new();
    let mut both = both(files.client("authority.pem"), files.server_for_known_clients());
    both.until("the refusal", |both| both.client_closed().is_some());
    let closed = both.client_closed().expect("just seen");
    assert!(matches!(closed.reason, CloseReason::ByPeer { .. }), "{}", closed.reason);
}

#[test]
fn a_server_that_the_authority_does_not_vouch_for_is_refused() {
    let files = Files::new();
    let stranger = insecure_test_credentials("localhost");
    let mut both = both(files.client("authority.pem"), stranger.server());
    both.until("the refusal", |both| both.client_closed().is_some());
    let closed = both.client_closed().expect("just seen");
    assert!(
        matches!(closed.reason, CloseReason::PeerRejected(_)),
        "{}",
        closed.reason
    );
}

#[test]
fn every_function_tells_which_of_its_files_is_at_fault() {
    let files = Files::new();
    let [good, key, none, nonsense, other] =
        ["good.pem", "good.key", "none.pem", "nonsense.pem", "other.key"].map(|name| files.path(name));
    let server =
        |chain: &Path, key: &Path, guilty: &Path| named(pem::server(chain, key).expect_err("cannot be used"), guilty);
    assert!(matches!(server(&none, &key, &none), Fault::Missing));
    assert!(matches!(server(&good, &other, &other), Fault::KeyMismatch { .. }));

    let client = |roots: &Path| named(pem::client(roots).expect_err("cannot be used"), roots);
    assert!(matches!(client(&none), Fault::Missing));
    assert!(matches!(client(&key), Fault::NoCertificate));
    assert!(matches!(client(&nonsense), Fault::Refused(_)));

    let verifier = |roots: &Path| named(pem::client_verifier(roots).expect_err("cannot be used"), roots);
    assert!(matches!(verifier(&none), Fault::Missing));
    assert!(matches!(verifier(&key), Fault::NoCertificate));
    assert!(matches!(verifier(&nonsense), Fault::Refused(_)));

    let known = |roots: &Path, chain: &Path, key: &Path, guilty: &Path| {
        let error = pem::client_with_identity(roots, chain, key).expect_err("cannot be used");
        named(error, guilty)
    };
    assert!(matches!(known(&nonsense, &good, &key, &nonsense), Fault::Refused(_)));
    assert!(matches!(known(&good, &none, &key, &none), Fault::Missing));
    assert!(matches!(known(&good, &good, &other, &other), Fault::KeyMismatch { .. }));
}

fn both(client: ClientConfigBuilder, server: ServerConfigBuilder) -> Both {
    let context = zmq::Context::new();
    let endpoint = Endpoint::new(&context, "tcp://127.0.0.1:*");
    let server = Server::bind(endpoint, &server.build().expect("complete")).expect("free");
    let address = server.local_address().expect("bound");
    let endpoint = Endpoint::new(&context, &address);
    let client = Client::connect(endpoint, localhost(), &client.build().expect("complete")).expect("opens");
    Both::new(client, server)
}

#[test]
fn every_fault_is_told_with_the_file_that_has_it() {
    let files = Files::new();
    assert!(matches!(
        files.fault("none.pem", "good.key", "none.pem"),
        Fault::Missing
    ));
    assert!(matches!(
        files.fault("good.pem", "none.key", "none.key"),
        Fault::Missing
    ));
    assert!(matches!(
        files.fault("directory", "good.key", "directory"),
        Fault::Unreadable(_)
    ));
    assert!(matches!(
        files.fault("good.pem", "directory", "directory"),
        Fault::Unreadable(_)
    ));
    assert!(matches!(
        files.fault("text.pem", "good.key", "text.pem"),
        Fault::NoCertificate
    ));
    assert!(matches!(
        files.fault("good.key", "good.key", "good.key"),
        Fault::NoCertificate
    ));
    assert!(matches!(files.fault("good.pem", "good.pem", "good.pem"), Fault::NoKey));
    assert!(matches!(
        files.fault("good.pem", "both.key", "both.key"),
        Fault::SeveralKeys(2)
    ));
    assert!(matches!(
        files.fault("broken.pem", "good.key", "broken.pem"),
        Fault::Malformed(_)
    ));
    assert!(matches!(
        files.fault("cut.pem", "good.key", "cut.pem"),
        Fault::Malformed(_)
    ));
    assert!(matches!(
        files.fault("nonsense.pem", "good.key", "nonsense.pem"),
        Fault::Refused(_)
    ));
    let mismatch = files.fault("good.pem", "other.key", "other.key");
    assert!(matches!(mismatch, Fault::KeyMismatch { chain } if chain == files.path("good.pem")));
}

#[test]
fn faults_of_trusted_certificates_are_told_likewise() {
    let files = Files::new();
    let fault = |name: &str| {
        named(
            pem::roots(files.path(name)).expect_err("cannot be used"),
            &files.path(name),
        )
    };
    assert!(matches!(fault("none.pem"), Fault::Missing));
    assert!(matches!(fault("text.pem"), Fault::NoCertificate));
    assert!(matches!(fault("nonsense.pem"), Fault::Refused(_)));
}

#[test]
fn every_fault_is_told_with_what_to_do() {
    let files = Files::new();
    let advice = |chain: &str, key: &str, advice: &str| {
        let error = pem::identity(files.path(chain), files.path(key), &default_provider()).expect_err("cannot be used");
        assert!(error.to_string().contains(advice), "{error}");
    };
    advice("none.pem", "good.key", "check the path");
    advice("directory", "good.key", "this user may read it");
    advice("text.pem", "good.key", "PEM rather than DER");
    advice("good.key", "good.key", "not the key's file");
    advice("good.pem", "good.pem", "not the certificate's file");
    advice("good.pem", "good.pem", "decrypted first");
    advice("good.pem", "both.key", "leave only the one");
    advice("cut.pem", "good.key", "copy or export it again");
    advice("nonsense.pem", "good.key", "issue it anew");
    advice("good.pem", "other.key", "that certificate's key");
}
