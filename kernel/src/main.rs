//! The kernel's entry. See the library for everything else.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("this is a kernel: `make image` builds it, `make run` boots it");
    std::process::exit(1);
}
