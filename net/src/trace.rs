//! Traces of the hot path: compact `defmt` frames, with the feature of that name; nothing without.

/// `defmt::trace!`, or nothing.
macro_rules! trace {
    ($($argument:tt)*) => {
        #[cfg(feature = "defmt")]
        defmt::trace!($($argument)*)
    };
}
