//! TODO
pub mod over_zmq;
