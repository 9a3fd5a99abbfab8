//! How to do things, chapter by chapter. Nothing but documentation: every example here is run as a test.
//!
//! | chapter | what it answers |
//! |---|---|
//! | [`client`] | How do I connect, send, receive and end? |
//! | [`server`] | Who is it that I am talking to, what do I keep of each, and what if one is slow? |
//! | [`patterns`] | Which sockets, which side binds, through a proxy, and which thread drives it all? |
//! | [`failures`] | What may happen, what may fail, and what do I do about it? |
//! | [`tuning`] | Which limits are there, why are they as they are, and how much memory is that? |
//! | [`observing`] | What does it write to the log, and what does it count? |
//! | [`migrating`] | What becomes of my plain 0MQ sockets, and of CURVE? |
//! | [`upgrading`] | How do I restart, upgrade and change certificates while others go on? |
//!
//! The examples use `testing::insecure_test_credentials`, which protect nothing: they spare the files. A program of
//! yours begins with [`pem`](crate::pem) instead.

pub mod client;
pub mod failures;
pub mod migrating;
pub mod observing;
pub mod patterns;
pub mod server;
pub mod tuning;
pub mod upgrading;
