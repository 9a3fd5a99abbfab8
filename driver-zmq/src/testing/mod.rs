//! For tests and examples, never for production: credentials without any security, a proxy that breaks connections, and sockets
//! to compare with.

mod credentials;
mod cut_proxy;
mod plain;

pub use credentials::{InsecureTestCredentials, insecure_test_credentials};
pub use cut_proxy::{CutProxy, Direction};
pub use plain::{plain_dealer, plain_router};
