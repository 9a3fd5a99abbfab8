//! Will carry Steadfast sessions over non-blocking TCP, on mio. It is empty yet.
//!
//! Until it is there, `core/examples/blocking_tcp.rs` shows a complete embedding over plain TCP, and `steadfast-zmq`
//! is the driver for 0MQ.
