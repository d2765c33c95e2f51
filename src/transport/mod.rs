//! The gRPC API: decode, call, encode. The only user of tonic beside the command line.
