//! The general registers of a thread.

/// General registers, flags and segment bases, in the order they are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Registers {
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rbx: u64,
    pub rsp: u64,
    pub rbp: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rip: u64,
    pub rflags: u64,
    pub fs_base: u64,
    pub gs_base: u64,
}

/// Flags a user program can see and change: CF PF AF ZF SF DF OF.
pub const USER_FLAGS: u64 = 0xcd5;

/// TF, which a program that steps itself sets.
pub const TRAP_FLAG: u64 = 0x100;

impl Registers {
    /// Number and arguments of a call by `int 0x80`, of which the kernel takes the lower halves
    /// (arch/x86/entry/syscall_32.c).
    pub fn int80(&self) -> (u32, [u32; 6]) {
        let r = self;
        let args = [r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp];
        (r.rax as u32, args.map(|value| value as u32))
    }

    pub const SIZE: usize = core::mem::size_of::<Registers>();

    /// The registers as they are logged.
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: repr(C), 20 u64 without padding.
        unsafe { core::slice::from_raw_parts((self as *const Self).cast::<u8>(), Self::SIZE) }
    }

    /// Read from logged bytes; `None` when too short.
    pub fn from_bytes(bytes: &[u8]) -> Option<Registers> {
        if bytes.len() < Self::SIZE {
            return None;
        }
        // SAFETY: length checked; any bit pattern is a valid value; unaligned read.
        Some(unsafe { bytes.as_ptr().cast::<Registers>().read_unaligned() })
    }

    /// A general register by its number in machine code; above 14 the last one.
    pub fn by_number(&mut self, number: usize) -> &mut u64 {
        match number {
            0 => &mut self.rax,
            1 => &mut self.rcx,
            2 => &mut self.rdx,
            3 => &mut self.rbx,
            4 => &mut self.rsp,
            5 => &mut self.rbp,
            6 => &mut self.rsi,
            7 => &mut self.rdi,
            8 => &mut self.r8,
            9 => &mut self.r9,
            10 => &mut self.r10,
            11 => &mut self.r11,
            12 => &mut self.r12,
            13 => &mut self.r13,
            14 => &mut self.r14,
            _ => &mut self.r15,
        }
    }

    /// Checksum of the registers at an event, logged by the recorder and compared by
    /// the replayer. rcx and r11 are left out because `syscall` destroys them and the
    /// recorder's fast path uses them; the instruction pointer and the flags are left out
    /// because the event header has the former and undefined flags differ between CPUs.
    ///
    /// A sum of products with odd constants: any single changed register changes it,
    /// and the multiplications do not wait for one another.
    #[inline]
    pub fn checksum(&self) -> u64 {
        let r = self;
        r.rax
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(r.rdx.wrapping_mul(0xc2b2_ae3d_27d4_eb4f))
            .wrapping_add(r.rbx.wrapping_mul(0x1656_67b1_9e37_79f9))
            .wrapping_add(r.rsp.wrapping_mul(0x27d4_eb2f_1656_67c5))
            .wrapping_add(r.rbp.wrapping_mul(0x85eb_ca77_c2b2_ae63))
            .wrapping_add(r.rsi.wrapping_mul(0xff51_afd7_ed55_8ccd))
            .wrapping_add(r.rdi.wrapping_mul(0xc4ce_b9fe_1a85_ec53))
            .wrapping_add(r.r8.wrapping_mul(0xd6e8_feb8_6659_fd93))
            .wrapping_add(r.r9.wrapping_mul(0xa076_1d64_78bd_642f))
            .wrapping_add(r.r10.wrapping_mul(0xe703_7ed1_a0b4_28db))
            .wrapping_add(r.r12.wrapping_mul(0x8ebc_6af0_9c88_c6e3))
            .wrapping_add(r.r13.wrapping_mul(0x5899_65cc_7537_4cc3))
            .wrapping_add(r.r14.wrapping_mul(0x1d8e_4e27_c47d_124f))
            .wrapping_add(r.r15.wrapping_mul(0xeb44_acca_b455_d165))
    }
}
