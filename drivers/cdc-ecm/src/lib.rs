//! USB Ethernet class drivers: CDC-ECM and RNDIS.
#![no_std]
#![forbid(unsafe_code)]
