//! What others reach over the same simulated links: reference columns, measured once with
//! Linux 6.18 and lwIP of June 2026.

/// Goodput in Mbit/s of lwIP, Linux with CUBIC and Linux with BBR, over the links of
/// [`crate::virtual_time::goodput`] in their order.
pub(crate) const GOODPUT: [[f64; 3]; 7] = [
    [86.0, 94.0, 93.0],
    [23.0, 23.0, 93.0],
    [4.5, 6.3, 91.0],
    [0.9, 2.7, 88.0],
    [0.37, 1.8, 85.0],
    [9.8, 94.0, 93.0],
    [66.0, 81.0, 91.0],
];

/// Completion in milliseconds, median and 95th percentile where they are known, of lwIP and Linux
/// with CUBIC, over the links of [`crate::virtual_time::completion`] in their order.
pub(crate) const COMPLETION: [[Option<(f64, f64)>; 2]; 6] = [
    [Some((51.0, 51.0)), Some((11.0, 11.0))],
    [Some((51.0, 2000.0)), Some((11.0, 11.0))],
    [None, None],
    [Some((250.0, 1500.0)), Some((79.0, 261.0))],
    [None, None],
    [Some((1605.0, 5250.0)), Some((417.0, 1460.0))],
];
