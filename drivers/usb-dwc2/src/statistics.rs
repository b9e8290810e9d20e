//! Counts of everything that can happen to a transfer.

use core::fmt;

macro_rules! statistics {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Counts since the driver was made.
        #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
        pub struct Statistics {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Statistics {
            /// Name and value of every count.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),+].into_iter()
            }
        }
    };
}

statistics! {
    /// Count of channel programs started.
    programs,
    /// Count of transfers that ended with success.
    transfers,
    /// Count of times a bulk IN channel that receives without end had no buffer to go on with when a
    /// transfer ended: it waited for its task.
    receive_pauses,
    /// Count of NAKs that halted a channel.
    naks,
    /// Count of transfers ended by STALL.
    stalls,
    /// Count of transaction errors, retried or not.
    transaction_errors,
    /// Count of transfers given up after three transaction errors in a row.
    transfers_failed,
    /// Count of transfers ended by babble.
    babbles,
    /// Count of periodic transactions that missed their frame.
    frame_overruns,
    /// Count of packets received twice and dropped.
    toggle_errors,
    /// Count of channels that halted without a cause.
    halts_without_cause,
    /// Count of DMA faults.
    dma_faults,
    /// Count of NYETs to complete-splits.
    split_nyets,
    /// Count of start-splits done over because the translator lost the result.
    split_restarts,
    /// Count of periodic start-splits whose answer was not there in time.
    split_answers_missed,
    /// Count of interrupt transfers that failed because data of the device may have been lost in a
    /// translator.
    split_data_lost,
    /// Count of interrupt endpoints that went over to the translator's other buffers.
    split_ways_changed,
    /// Count of CLEAR_TT_BUFFER requests.
    translator_clears,
    /// Count of transfers ended by their deadline.
    timeouts,
    /// Count of transfers whose future was dropped while the hardware worked on them.
    cancelled,
    /// Count of transfers ended because the root port went down.
    disconnected,
    /// Count of channels that did not halt when told to.
    halts_failed,
    /// Count of core resets after the first.
    core_resets,
    /// Count of times the power of the controller's block was switched off and on.
    power_cycles,
    /// Count of times a transfer had to wait for a channel.
    channel_waits,
    /// Count of times the hardware disabled the root port.
    port_disables,
    /// Count of over-current conditions on the root port.
    over_currents,
    /// Count of root port resets.
    port_resets,
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            writeln!(f, "{name} {value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn every_count_has_a_line_of_its_own() {
        let statistics = Statistics { programs: 7, port_resets: 9, ..Statistics::default() };
        let text = statistics.to_string();
        let lines: std::vec::Vec<_> = text.lines().collect();
        assert_eq!(lines.first(), Some(&"programs 7"));
        assert_eq!(lines.last(), Some(&"port_resets 9"));
        assert_eq!(lines.len(), size_of::<Statistics>() / size_of::<u64>());
    }
}
