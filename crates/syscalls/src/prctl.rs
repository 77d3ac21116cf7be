//! Options of `prctl`.

use crate::access::{Memory, Sink};
use crate::emit::Emitter;
use crate::refusal::{Refusal, Subject};

const EINVAL: i32 = 22;

/// What an option writes on success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrctlOutput {
    None,
    /// At the address in this argument.
    Bytes {
        argument: u8,
        bytes: u32,
    },
    /// `PR_SET_MM_MAP_SIZE`: a `u32` at the third argument.
    MapSize,
    /// The auxiliary vector at the second argument, cut to the size in the third.
    AuxiliaryVector,
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrctlOption {
    pub number: u32,
    pub name: &'static str,
    pub output: PrctlOutput,
    /// Not performed: the program gets `EINVAL`, for this reason.
    pub declined: Option<&'static str>,
}

const fn option(number: u32, name: &'static str) -> PrctlOption {
    PrctlOption {
        number,
        name,
        output: PrctlOutput::None,
        declined: None,
    }
}

impl PrctlOption {
    const fn writes(mut self, output: PrctlOutput) -> PrctlOption {
        self.output = output;
        self
    }

    const fn declined(mut self, reason: &'static str) -> PrctlOption {
        self.declined = Some(reason);
        self
    }
}

pub(crate) static OPTIONS: [PrctlOption; 77] = [
    option(1, "PR_SET_PDEATHSIG"),
    option(2, "PR_GET_PDEATHSIG").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 4,
    }),
    option(3, "PR_GET_DUMPABLE"),
    option(4, "PR_SET_DUMPABLE"),
    option(5, "PR_GET_UNALIGN").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 4,
    }),
    option(6, "PR_SET_UNALIGN"),
    option(7, "PR_GET_KEEPCAPS"),
    option(8, "PR_SET_KEEPCAPS"),
    option(9, "PR_GET_FPEMU").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 4,
    }),
    option(10, "PR_SET_FPEMU"),
    option(11, "PR_GET_FPEXC").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 4,
    }),
    option(12, "PR_SET_FPEXC"),
    option(13, "PR_GET_TIMING"),
    option(14, "PR_SET_TIMING"),
    option(15, "PR_SET_NAME"),
    option(16, "PR_GET_NAME").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 16,
    }),
    option(19, "PR_GET_ENDIAN").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 4,
    }),
    option(20, "PR_SET_ENDIAN"),
    option(21, "PR_GET_SECCOMP"),
    option(22, "PR_SET_SECCOMP"),
    option(23, "PR_CAPBSET_READ"),
    option(24, "PR_CAPBSET_DROP"),
    option(25, "PR_GET_TSC").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 4,
    }),
    option(26, "PR_SET_TSC"),
    option(27, "PR_GET_SECUREBITS"),
    option(28, "PR_SET_SECUREBITS"),
    option(29, "PR_SET_TIMERSLACK"),
    option(30, "PR_GET_TIMERSLACK"),
    option(31, "PR_TASK_PERF_EVENTS_DISABLE"),
    option(32, "PR_TASK_PERF_EVENTS_ENABLE"),
    option(33, "PR_MCE_KILL"),
    option(34, "PR_MCE_KILL_GET"),
    option(35, "PR_SET_MM").writes(PrctlOutput::MapSize),
    option(36, "PR_SET_CHILD_SUBREAPER"),
    option(37, "PR_GET_CHILD_SUBREAPER").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 4,
    }),
    option(38, "PR_SET_NO_NEW_PRIVS"),
    option(39, "PR_GET_NO_NEW_PRIVS"),
    option(40, "PR_GET_TID_ADDRESS").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 8,
    }),
    option(41, "PR_SET_THP_DISABLE"),
    option(42, "PR_GET_THP_DISABLE"),
    option(43, "PR_MPX_ENABLE_MANAGEMENT"),
    option(44, "PR_MPX_DISABLE_MANAGEMENT"),
    option(45, "PR_SET_FP_MODE"),
    option(46, "PR_GET_FP_MODE"),
    option(47, "PR_CAP_AMBIENT"),
    option(50, "PR_SVE_SET_VL"),
    option(51, "PR_SVE_GET_VL"),
    option(52, "PR_GET_SPECULATION_CTRL"),
    option(53, "PR_SET_SPECULATION_CTRL"),
    option(54, "PR_PAC_RESET_KEYS"),
    option(55, "PR_SET_TAGGED_ADDR_CTRL"),
    option(56, "PR_GET_TAGGED_ADDR_CTRL"),
    option(57, "PR_SET_IO_FLUSHER"),
    option(58, "PR_GET_IO_FLUSHER"),
    option(59, "PR_SET_SYSCALL_USER_DISPATCH")
        .declined("the recorder uses it itself; as on a kernel without it"),
    option(60, "PR_PAC_SET_ENABLED_KEYS"),
    option(61, "PR_PAC_GET_ENABLED_KEYS"),
    option(62, "PR_SCHED_CORE").writes(PrctlOutput::Bytes {
        argument: 4,
        bytes: 8,
    }),
    option(63, "PR_SME_SET_VL"),
    option(64, "PR_SME_GET_VL"),
    option(65, "PR_SET_MDWE").declined("the recorder could no longer patch code"),
    option(66, "PR_GET_MDWE"),
    option(67, "PR_SET_MEMORY_MERGE"),
    option(68, "PR_GET_MEMORY_MERGE"),
    option(69, "PR_RISCV_V_SET_CONTROL"),
    option(70, "PR_RISCV_V_GET_CONTROL"),
    option(71, "PR_RISCV_SET_ICACHE_FLUSH_CTX"),
    option(72, "PR_PPC_GET_DEXCR"),
    option(73, "PR_PPC_SET_DEXCR"),
    option(74, "PR_GET_SHADOW_STACK_STATUS").writes(PrctlOutput::Bytes {
        argument: 1,
        bytes: 8,
    }),
    option(75, "PR_SET_SHADOW_STACK_STATUS"),
    option(76, "PR_LOCK_SHADOW_STACK_STATUS"),
    option(77, "PR_TIMER_CREATE_RESTORE_IDS"),
    option(78, "PR_FUTEX_HASH"),
    option(0x4155_5856, "PR_GET_AUXV").writes(PrctlOutput::AuxiliaryVector),
    option(0x5356_4d41, "PR_SET_VMA"),
    option(0x5961_6d61, "PR_SET_PTRACER"),
];

/// What a `prctl` option does.
///
/// # Errors
/// Options that would bind the recorder, and unknown ones, are declined with `EINVAL`.
pub fn prctl(number: u32) -> Result<&'static PrctlOption, Refusal> {
    let declined = |reason| Refusal::Declined {
        subject: Subject::Prctl(number),
        errno: EINVAL,
        reason,
    };
    let option = OPTIONS
        .iter()
        .find(|option| option.number == number)
        .ok_or(declined("unknown option"))?;
    option
        .declined
        .map_or(Ok(option), |reason| Err(declined(reason)))
}

/// Report the outputs of a `prctl`.
pub(crate) fn outputs<M: Memory, S: Sink>(out: &mut Emitter<'_, M, S>) {
    const MAP_SIZE: u64 = 15;
    let Ok(option) = prctl(out.args[0] as u32) else {
        return;
    };
    if !out.succeeded() {
        return;
    }
    match option.output {
        PrctlOutput::None => {}
        PrctlOutput::Bytes { argument, bytes } => {
            out.emit(out.args[usize::from(argument)], u64::from(bytes));
        }
        PrctlOutput::MapSize => {
            if out.args[1] == MAP_SIZE {
                out.emit(out.args[2], 4);
            }
        }
        PrctlOutput::AuxiliaryVector => {
            // The result is the whole size, whatever fitted.
            if let Some(amount) = out.amount(out.args[2]) {
                out.emit(out.args[1], amount);
            }
        }
    }
}
