//! Synopsys DWC2 (DesignWare USB 2.0 OTG) host controller driver, buffer-DMA mode.
#![no_std]
#![forbid(unsafe_code)]
