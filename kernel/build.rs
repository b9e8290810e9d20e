//! Hands the linker script to the linker, and the initramfs to the compiler.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let output = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));

    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let script = folder.join("linker.ld");
        println!("cargo:rerun-if-changed={}", script.display());
        println!("cargo:rustc-link-arg-bins=-T{}", script.display());
        if env::var_os("CARGO_FEATURE_TRACE").is_some() {
            // The table of format strings, which stays out of the image; a file of the defmt crate.
            println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
        }
        println!("cargo:rustc-link-arg-bins=-zmax-page-size=4096");
        // A linker script decides what is kept; nothing here is position-independent.
        println!("cargo:rustc-link-arg-bins=--gc-sections");
        println!("cargo:rustc-link-arg-bins=--no-pie");
        // An ADRP in one of the last two words of a page may go wrong on a Cortex-A53: the linker
        // changes the code around it. Erratum 843419, "r0p0 to r0p4" (ARM EPM 048406).
        println!("cargo:rustc-link-arg-bins=--fix-cortex-a53-843419");
    }

    // The archive is copied, so that cargo notices a new one by its contents' time stamp.
    println!("cargo:rerun-if-env-changed=INITRAMFS");
    let archive = output.join("initramfs.cpio");
    match env::var_os("INITRAMFS") {
        Some(path) => {
            let path = PathBuf::from(path);
            println!("cargo:rerun-if-changed={}", path.display());
            fs::copy(&path, &archive)
                .unwrap_or_else(|error| panic!("INITRAMFS={}: {error}", path.display()));
        }
        None => fs::write(&archive, EMPTY_ARCHIVE).expect("OUT_DIR is writable"),
    }
}

/// A newc archive with nothing but its trailer.
const EMPTY_ARCHIVE: &[u8] = b"0707010000000000000000000000000000000000000001000000000000000000\
0000000000000000000000000000000000000b00000000TRAILER!!!\0\0\0\0";
