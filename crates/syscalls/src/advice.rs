//! Advice about memory (`madvise`, `process_madvise`).

/// What an advice does to the memory it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdviceEffect {
    /// Nothing the program could see.
    None,
    /// The pages are dropped: private ones are as when they were mapped.
    Discard,
    /// The kernel may drop them at any later moment: they are dropped at once, in its place, by
    /// this other advice.
    DiscardBy(u64),
    /// The file behind it has a hole there: it reads as zeros wherever it is mapped.
    PunchHole,
    /// A forked child has nothing there, or has it again.
    LeftOutAtFork(bool),
    /// A forked child has zeros there, or the content again.
    WipedAtFork(bool),
}

/// One advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    pub number: u64,
    pub effect: AdviceEffect,
}

const fn advice(number: u64, effect: AdviceEffect) -> Advice {
    Advice { number, effect }
}

const DONTNEED: u64 = 4;

/// Those with an effect; the names of all are in the table of flags.
static ADVICE: [Advice; 9] = [
    advice(DONTNEED, AdviceEffect::Discard),
    advice(8, AdviceEffect::DiscardBy(DONTNEED)), // FREE
    advice(9, AdviceEffect::PunchHole),           // REMOVE
    advice(10, AdviceEffect::LeftOutAtFork(true)), // DONTFORK
    advice(11, AdviceEffect::LeftOutAtFork(false)), // DOFORK
    advice(18, AdviceEffect::WipedAtFork(true)),  // WIPEONFORK
    advice(19, AdviceEffect::WipedAtFork(false)), // KEEPONFORK
    advice(24, AdviceEffect::Discard),            // DONTNEED_LOCKED
    // GUARD_INSTALL: a fault there is in the log.
    advice(102, AdviceEffect::Discard),
];

/// What an advice does.
pub fn advice_effect(number: u64) -> AdviceEffect {
    // An `int` to the kernel.
    let number = u64::from(number as u32);
    ADVICE
        .iter()
        .find(|advice| advice.number == number)
        .map_or(AdviceEffect::None, |advice| advice.effect)
}
