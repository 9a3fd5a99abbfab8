//! Key files that cannot be used: which file, and what is wrong with it.

use std::fs;
use std::path::{Path, PathBuf};

use steadfast_zmq::default_provider;
use steadfast_zmq::pem::{self, Fault, PemError};
use steadfast_zmq::testing::insecure_test_credentials;
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
        let (_, other_key) = credentials.issue_pem("another");
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
