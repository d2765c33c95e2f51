//! Tests of the compiler over the packs that ship.

use super::*;

pub(crate) fn shipped_files() -> Vec<SourceFile> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/jurisdictions");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        for name in ["rules.toml", "cases.toml"] {
            if let Ok(text) = std::fs::read_to_string(folder.join(name)) {
                let id = folder.file_name().unwrap().to_string_lossy().into_owned();
                files.push(SourceFile { path: format!("{id}/{name}"), text });
            }
        }
    }
    files
}

pub(crate) fn shipped() -> Packs {
    Packs::compile(&shipped_files()).unwrap_or_else(|found| panic!("{found}"))
}

#[test]
fn shipped_packs_compile() {
    assert!(shipped().get("it").is_some());
}
