//! See `fuzz::target`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    (fuzz::target::named("dhcp6").run)(octets);
});
