//! The kernel's binary. Everything is in the library; `arch::aarch64::boot` is where it begins.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
use kernel as _;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("this is a kernel: `make image` builds it, `make run` boots it");
    std::process::exit(1);
}
