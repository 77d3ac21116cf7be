//! Link arguments of a freestanding static program at a fixed address.

fn main() {
    // layout::REGION_START; the build script cannot depend on the crate's own dependencies
    // without building them twice.
    for argument in [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,--image-base=0x550000000000",
        "-Wl,-z,noexecstack",
        "-Wl,-z,norelro",
        "-Wl,--build-id",
        // What the copy of the vDSO jumps to (interpose/entry.rs): a replay that executes the copy has the same there.
        "-Wl,--section-start=.vdso_entries=0x550000400000",
    ] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
