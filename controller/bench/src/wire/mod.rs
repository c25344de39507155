//! The two protocols that clients speak, each by hand and as cheaply as the other.
//!
//! - [`http1`]: HTTP/1.1 with keep-alive, for the embedded node
//! - [`grpc`]: unary gRPC calls over HTTP/2, for etcd
//! - [`http2`]: as much of HTTP/2 as these need
//! - [`protobuf`]: the few messages in them

pub(crate) mod grpc;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod protobuf;
