//! For tests and examples, never for production: credentials without any security, and a proxy that breaks connections.

mod credentials;
mod cut_proxy;

pub use credentials::{InsecureTestCredentials, insecure_test_credentials};
pub use cut_proxy::{CutProxy, Direction};
