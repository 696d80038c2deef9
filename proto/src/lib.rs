//! Protocol buffers: the journal's event and the anomaly API.
//!
//! `proto/` holds the sources, `src/generated/` what follows from them. The generated code is committed, so that
//! building needs no compiler for protocol buffers; `tests/generated.rs` regenerates and compares it.

pub mod event;

/// The anomaly service's gRPC API.
#[cfg(feature = "grpc")]
pub mod anomaly {
    /// Version 1.
    #[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, unused_qualifications)]
    pub mod v1 {
        include!("generated/ampwarden.anomaly.v1.rs");
    }
}

/// All our `.proto` files and what they import, as an encoded `FileDescriptorSet`: for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptors.binpb");
