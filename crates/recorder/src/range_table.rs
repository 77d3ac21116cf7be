//! Ranges of addresses that do not overlap, each with what is known of it. Pure but for its place.

/// A range, or a part of one.
pub trait Range: Copy {
    /// What unused places of a table hold.
    const NONE: Self;

    fn start(&self) -> u64;
    fn end(&self) -> u64;

    /// The part of it between two addresses.
    fn part(&self, from: u64, to: u64) -> Self;

    /// Whether `next`, which begins where this one ends, says the same of its part as this one would.
    fn goes_on_in(&self, next: &Self) -> bool;

    /// This one and all that follows, to `end`.
    fn extended(&self, end: u64) -> Self;
}

/// The table. By descending address: new mappings are placed below the others.
pub struct Table<R, const CAPACITY: usize> {
    ranges: [R; CAPACITY],
    count: usize,
}

impl<R: Range, const CAPACITY: usize> Table<R, CAPACITY> {
    pub const fn new() -> Self {
        Table {
            ranges: [R::NONE; CAPACITY],
            count: 0,
        }
    }

    pub fn all(&self) -> &[R] {
        &self.ranges[..self.count]
    }

    /// Indices of the ranges that one touches.
    fn touching(&self, from: u64, to: u64) -> core::ops::Range<usize> {
        let all = self.all();
        let first = all.partition_point(|range| range.start() >= to);
        let behind = all[first..].partition_point(|range| range.end() > from);
        first..first + behind
    }

    /// The ranges that one touches.
    pub fn overlapping(&self, from: u64, to: u64) -> &[R] {
        &self.all()[self.touching(from, to)]
    }

    /// The lowest part of a range of which something is known.
    pub fn lowest_part(&self, from: u64, to: u64) -> Option<R> {
        let lowest = self.overlapping(from, to).last().filter(|_| from < to)?;
        Some(lowest.part(from, to))
    }

    /// Put these, by descending address, in the place of those; false: there is no room.
    fn replace(&mut self, old: core::ops::Range<usize>, new: &[R]) -> bool {
        let count = self.count - old.len() + new.len();
        if count > CAPACITY {
            return false;
        }
        let behind = old.start + new.len();
        if behind != old.end {
            self.ranges.copy_within(old.end..self.count, behind);
        }
        self.ranges[old.start..behind].copy_from_slice(new);
        self.count = count;
        true
    }

    /// Add one where there is none; false: there is no room.
    pub fn add(&mut self, mut range: R) -> bool {
        let mut place = self.touching(range.start(), range.end());
        if let Some(above) = place.start.checked_sub(1).map(|index| self.ranges[index]) {
            if range.end() == above.start() && range.goes_on_in(&above) {
                range = range.extended(above.end());
                place.start -= 1;
            }
        }
        if place.end < self.count {
            let below = self.ranges[place.end];
            if below.end() == range.start() && below.goes_on_in(&range) {
                range = below.extended(range.end());
                place.end += 1;
            }
        }
        self.replace(place, &[range])
    }

    /// Take a range out, telling each part that is taken.
    pub fn remove(&mut self, from: u64, to: u64, mut taken: impl FnMut(&R)) {
        let place = self.touching(from, to);
        let (Some(highest), Some(lowest)) = (
            self.ranges[place.clone()].first().copied(),
            self.ranges[place.clone()].last().copied(),
        ) else {
            return;
        };
        for range in &self.ranges[place.clone()] {
            taken(&range.part(from, to));
        }
        let (mut left, mut count) = ([R::NONE; 2], 0);
        if highest.end() > to {
            left[count] = highest.part(to, u64::MAX);
            count += 1;
        }
        if lowest.start() < from {
            left[count] = lowest.part(0, from);
            count += 1;
        }
        self.replace(place, &left[..count]);
    }
}
