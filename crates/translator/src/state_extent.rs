//! How many bytes the instructions of the XSAVE family touch (Intel SDM volume 1, chapter 13).

use core::arch::asm;
use core::arch::x86_64::__cpuid_count;

/// Legacy region and header.
const FIXED: u64 = 512 + 64;
const COMPONENTS: usize = 63;

/// One state component as CPUID leaf 0xD describes it; size 0: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Component {
    size: u32,
    /// In the standard format.
    offset: u32,
    /// In the compacted format it begins at a multiple of 64 bytes.
    is_aligned: bool,
}

/// The components of this processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateExtent {
    components: [Component; COMPONENTS],
}

impl StateExtent {
    /// Ask the processor. It takes some microseconds for each in a virtual machine: only once.
    pub fn of_processor() -> StateExtent {
        let mut components = [Component::default(); COMPONENTS];
        let enabled = enabled();
        for (number, component) in components.iter_mut().enumerate().skip(2) {
            if enabled >> number & 1 != 0 {
                // SAFETY: CPUID is always there in 64-bit mode; leaf 0xd exists where XSAVE does.
                let leaf = __cpuid_count(0xd, number as u32);
                *component = Component {
                    size: leaf.eax,
                    offset: leaf.ebx,
                    is_aligned: leaf.ecx & 2 != 0,
                };
            }
        }
        StateExtent { components }
    }

    /// Where a component is in the standard format; 0: there is none.
    pub fn offset(&self, component: usize) -> usize {
        self.components
            .get(component)
            .map_or(0, |part| part.offset as usize)
    }

    /// The most bytes that saving (or loading) the components of a mask touches.
    pub fn bytes(&self, mask: u64, is_compacted: bool) -> u64 {
        let wanted = self.components.iter().enumerate().skip(2);
        let wanted = wanted.filter(|(number, part)| mask >> number & 1 != 0 && part.size != 0);
        let mut end = FIXED;
        for (_, part) in wanted {
            end = if is_compacted {
                let start = if part.is_aligned {
                    end.next_multiple_of(64)
                } else {
                    end
                };
                start + u64::from(part.size)
            } else {
                end.max(u64::from(part.offset) + u64::from(part.size))
            };
        }
        end
    }
}

/// The components the system lets programs use (XCR0).
fn enabled() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads a register; XSAVE is enabled wherever this translator runs.
    unsafe {
        asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack));
    }
    u64::from(high) << 32 | u64::from(low)
}

#[cfg(test)]
mod tests {
    use super::{Component, StateExtent, COMPONENTS, FIXED};

    #[test]
    fn what_is_not_asked_for_takes_no_room() {
        let mut extent = StateExtent {
            components: [Component::default(); COMPONENTS],
        };
        // AVX and the ZMM registers 16 to 31, as processors have them.
        for (number, size, offset) in [(2, 256, 576), (7, 1024, 1664)] {
            extent.components[number] = Component {
                size,
                offset,
                is_aligned: number == 7,
            };
        }
        assert_eq!(extent.bytes(0b11, false), FIXED);
        assert_eq!(extent.bytes(0b111, true), FIXED + 256);
        assert_eq!(extent.bytes(u64::MAX, true), 832 + 1024);
        assert_eq!(extent.bytes(u64::MAX, false), 2688);
        assert_eq!(extent.bytes(1 << 7 | 1 << 9, true), FIXED + 1024);
    }

    #[test]
    fn the_processor_has_no_more_than_it_says() {
        let all = StateExtent::of_processor().bytes(u64::MAX, false);
        assert!(all <= crate::gate::xsave_size() as u64);
    }
}
