//! Tells the linker where LibTorch lies, so that what is built finds it again without `LD_LIBRARY_PATH`, and compiles
//! the few lines of C++ that reach what `tch` leaves out.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(libtorch_cuda)");
    for name in ["LIBTORCH", "LIBTORCH_LIB"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    if std::env::var_os("CARGO_FEATURE_LIBTORCH").is_none() {
        return;
    }
    #[cfg(feature = "libtorch")]
    shim();
    let Some(folder) = std::env::var_os("LIBTORCH_LIB").or_else(|| std::env::var_os("LIBTORCH")) else { return };
    let folder = std::path::PathBuf::from(folder);
    let lib = if folder.ends_with("lib") { folder } else { folder.join("lib") };
    if lib.join("libtorch_cuda.so").exists() {
        println!("cargo:rustc-cfg=libtorch_cuda");
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
}

#[cfg(feature = "libtorch")]
fn shim() {
    println!("cargo:rerun-if-changed=src/native/shim.cpp");
    for name in ["LIBTORCH_INCLUDE", "LIBTORCH_CXX11_ABI"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    // torch-sys says which LibTorch it took.
    let taken = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(|lib| std::path::PathBuf::from(lib).join(".."));
    let folder = std::env::var_os("LIBTORCH_INCLUDE").map(std::path::PathBuf::from).or(taken).unwrap_or_default();
    let abi = std::env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    cc::Build::new()
        .cpp(true)
        .pic(true)
        .warnings(false)
        .opt_level(2)
        .std("c++17")
        .include(folder.join("include"))
        .flag(format!("-D_GLIBCXX_USE_CXX11_ABI={abi}"))
        .file("src/native/shim.cpp")
        .compile("wakuteka_shim");
}
