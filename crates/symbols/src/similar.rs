//! Names that somebody may have meant who wrote another one.

use crate::module::Module;
use crate::paths::{bare, parts};

/// Names of larger files are not compared: it would take seconds.
const MOST_NAMES: usize = 1 << 18;
/// Names that are told.
const MOST_TOLD: usize = 3;

impl Module {
    /// Names of functions, variables and types that differ from a name by few letters, the nearest first.
    pub fn similar(&self, name: &str) -> Vec<String> {
        let wanted: Vec<char> = parts(name)
            .last()
            .map_or("", |last| bare(last))
            .chars()
            .collect();
        let most = (wanted.len() / 3).min(3);
        if most == 0 || self.names().len() > MOST_NAMES {
            return Vec::new();
        }
        let mut found: Vec<(usize, String)> = Vec::new();
        for known in self.names().all_names(&self.units) {
            let own: Vec<char> = bare(&known).chars().collect();
            if own.len().abs_diff(wanted.len()) > most || own == wanted {
                continue;
            }
            let distance = distance(&own, &wanted);
            if distance <= most && !found.iter().any(|(_, other)| *other == known) {
                found.push((distance, known));
                found.sort();
                found.truncate(MOST_TOLD);
            }
        }
        found.into_iter().map(|(_, known)| known).collect()
    }
}

/// Letters to insert, leave out, change or swap with the next one. Source: optimal string alignment distance.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, its) in other.iter().enumerate() {
            let changed = last[column] + usize::from(letter != its);
            let mut least = changed.min(last[column + 1] + 1).min(next[column] + 1);
            let is_swapped =
                row > 0 && column > 0 && one[row - 1] == *its && other[column - 1] == *letter;
            if is_swapped {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_differ_are_counted() {
        let between = |one: &str, other: &str| {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            distance(&letters(one), &letters(other))
        };
        assert_eq!(between("counter", "counter"), 0);
        assert_eq!(between("counter", "conuter"), 1);
        assert_eq!(between("counter", "count"), 2);
        assert_eq!(between("", "abc"), 3);
        assert_eq!(between("kitten", "sitting"), 3);
    }
}
