//! Compiles the protobuf files in Rust, so that no protoc has to be installed.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let root = Path::new("proto");
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("fairdue/v1"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "proto"))
        .collect();
    files.sort();

    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;

    // The encoded set keeps what the typed one would drop; reflection serves these bytes.
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("fairdue_descriptor.bin"), compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        .include_file("fairdue_proto.rs")
        // Requests are bounded by what they would take in memory.
        .codec_path("crate::proto::bounded::Bounded")
        // Contacts are by far the largest kind: boxed, the other kinds stay small.
        .boxed(".fairdue.v1.Activity.detail.contact")
        // A record always has the same bytes: it is stored and compared by them.
        .btree_map(".fairdue.v1")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
