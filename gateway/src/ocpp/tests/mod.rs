//! The endpoint over real sockets. The pipeline's other end, a channel of ours, is answered by the tests: what they
//! see is what adapters hand to the journal.

mod framing;
mod handshake;
mod life;
mod quirks;
mod support;
