//! From time-stamp counters to seconds.

/// Converts event times of one trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// Counter at the start of the recording.
    pub start_tsc: u64,
    /// Nanoseconds since the epoch at the start of the recording.
    pub start_epoch_ns: u64,
    /// Counts of the counter in a nanosecond; 0 when unknown.
    pub per_ns: f64,
}

impl Clock {
    /// From two moments in both clocks, `(epoch_ns, tsc)`.
    pub fn between(start: (u64, u64), end: Option<(u64, u64)>) -> Clock {
        let per_ns = end.map_or(0.0, |end| {
            let (ns, counts) = (end.0.saturating_sub(start.0), end.1.saturating_sub(start.1));
            if ns == 0 {
                0.0
            } else {
                counts as f64 / ns as f64
            }
        });
        Clock {
            start_tsc: start.1,
            start_epoch_ns: start.0,
            per_ns,
        }
    }

    /// Seconds since the start of the recording; 0 when the rate is unknown.
    pub fn seconds(&self, tsc: u64) -> f64 {
        if self.per_ns == 0.0 {
            return 0.0;
        }
        // The counters of two processors may differ by a little: never before the start.
        tsc.saturating_sub(self.start_tsc) as f64 / self.per_ns / 1e9
    }
}
