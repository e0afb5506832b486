//! Tests gRPC calls behind the layer: tonic's client and server over TCP, and frames as they are on
//! the wire.

mod answers;
mod failure;
mod frames;
mod gone;
mod herd;
mod hits;
mod hosts;
mod narrowing;
mod pass;
mod placement;
mod purge;
mod shop;
mod stage;

/// The code that the build script generates from the .proto file.
#[expect(unreachable_pub, clippy::too_many_lines, reason = "generated")]
mod proto {
    tonic::include_proto!("catalog.v1");
}
