//! Credentials for trying out: an authority, a server and clients, as PEM files.
//!
//! ```text
//! cargo run -p steadfast-zmq --example credentials -- DIRECTORY
//! ```
//!
//! Everything is signed by an authority that lives as long as this command. Do not use it for anything else: nobody has checked
//! who holds the keys.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use steadfast_zmq::steadfast::rustls::pki_types::ServerName;
use steadfast_zmq::testing::insecure_test_credentials;

/// Makes up credentials for trying out: authority.pem, server.pem and server.key, and the same two for each client.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the files are written
    directory: PathBuf,
    /// The host name or IP address by which clients call the server
    #[arg(long, default_value = "localhost")]
    server: String,
    /// The names of the clients
    #[arg(long, value_delimiter = ',', default_values_t = ["client".to_owned()])]
    clients: Vec<String>,
}

fn main() -> ExitCode {
    match write_all(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("credentials: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    for name in arguments.clients.iter().chain([&arguments.server]) {
        ServerName::try_from(name.as_str()).map_err(|_| format!("{name}: neither a host name nor an IP address"))?;
    }
    let directory = &arguments.directory;
    fs::create_dir_all(directory).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    let credentials = insecure_test_credentials(&arguments.server);
    write(&directory.join("authority.pem"), &credentials.authority_pem())?;
    let (certificate, key) = credentials.server_pem();
    write(&directory.join("server.pem"), certificate)?;
    write(&directory.join("server.key"), key)?;
    for name in &arguments.clients {
        let (certificate, key) = credentials.issue_pem(name);
        write(&directory.join(format!("{name}.pem")), &certificate)?;
        write(&directory.join(format!("{name}.key")), &key)?;
    }
    println!(
        "credentials for trying out are in {}; they protect nothing",
        directory.display()
    );
    Ok(())
}

/// Never over a file that is there: it might be a real key.
fn write(path: &Path, pem: &str) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(pem.as_bytes()));
    written.map_err(|error| format!("cannot write {}: {error}; name a new directory", path.display()))
}
