//! Tells the linker where LibTorch lies, so that what is built finds it again without `LD_LIBRARY_PATH`. The build
//! script of every crate that links against it.
#![allow(clippy::print_stdout, reason = "a build script speaks to cargo so")]

fn main() {
    for name in ["LIBTORCH", "LIBTORCH_LIB"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    if std::env::var_os("CARGO_FEATURE_LIBTORCH").is_none() {
        return;
    }
    let Some(folder) = std::env::var_os("LIBTORCH_LIB").or_else(|| std::env::var_os("LIBTORCH")) else { return };
    let folder = std::path::PathBuf::from(folder);
    let lib = if folder.ends_with("lib") { folder } else { folder.join("lib") };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
}
