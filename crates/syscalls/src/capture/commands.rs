//! Commands of multiplexed calls: which are declined, and the sizes of what the others write.

use crate::refusal::{Refusal, Subject};

const EINVAL: i32 = 22;
const ENOPROTOOPT: i32 = 92;
const EOPNOTSUPP: i32 = 95;

/// State components that may be asked for (`xstate_prctl_req` of arch/x86/kernel/fpu/xstate.c).
const STATE_COMPONENTS: u64 = 19;

const SOL_TCP: u64 = 6;
/// Maps received pages into the program.
const TCP_ZEROCOPY_RECEIVE: u64 = 35;

/// Declines the one socket option that changes the address space.
pub(super) fn check_socket_option(args: &[u64; 6]) -> Result<(), Refusal> {
    if args[1] as u32 as u64 == SOL_TCP && args[2] as u32 as u64 == TCP_ZEROCOPY_RECEIVE {
        return Err(Refusal::Declined {
            subject: Subject::Command("getsockopt", args[2]),
            errno: ENOPROTOOPT,
            reason: "received pages would be mapped into the program",
        });
    }
    Ok(())
}

/// Declines what changes how the processor saves state.
pub(super) fn check_arch_prctl(args: &[u64; 6]) -> Result<(), Refusal> {
    let (errno, reason) = match args[0] as u32 {
        0x1012 => (19, "the recorder answers the cpuid instruction itself"),
        // As to the components that there are and that need no permission.
        0x1023 | 0x1025 if args[1] < STATE_COMPONENTS => {
            (EOPNOTSUPP, "tile registers are not recorded")
        }
        0x1023 | 0x1025 => (EINVAL, "tile registers are not recorded"),
        0x2001..=0x2003 => (EINVAL, "a second vDSO is not recorded"),
        0x4002 | 0x4004 => (EINVAL, "tagged addresses are not recorded"),
        0x5001 | 0x5004 => (EINVAL, "shadow stacks are not recorded"),
        _ => return Ok(()),
    };
    Err(Refusal::Declined {
        subject: Subject::Command("arch_prctl", args[0]),
        errno,
        reason,
    })
}

/// Bytes written by `arch_prctl` at its second argument.
pub(super) fn arch_prctl_size(option: u64) -> u64 {
    match option as u32 {
        // GET_FS, GET_GS, GET_XCOMP_SUPP, _PERM, _GUEST_PERM, UNTAG_MASK, TAG_BITS, SHSTK_STATUS
        0x1003 | 0x1004 | 0x1021 | 0x1022 | 0x1024 | 0x4001 | 0x4003 | 0x5005 => 8,
        _ => 0,
    }
}

/// Bytes written by `quotactl` at its address.
pub(super) fn quota_size(command: u64) -> u64 {
    match (command as u32) >> 8 {
        // Q_GETFMT, Q_GETINFO, Q_GETQUOTA, Q_GETNEXTQUOTA
        0x80_0004 => 4,
        0x80_0005 => 24,
        0x80_0007 | 0x80_0009 => 72,
        // Q_XGETQUOTA, Q_XGETNEXTQUOTA: struct fs_disk_quota; Q_XGETQSTAT; Q_XGETQSTATV
        0x5803 | 0x5809 => 112,
        0x5805 => 80,
        0x5808 => 192,
        _ => 0,
    }
}

/// Bytes written by `shmctl`.
pub(super) fn shared_memory_size(command: u64) -> u64 {
    match command as u32 {
        // IPC_STAT, SHM_STAT, SHM_STAT_ANY: struct shmid_ds
        2 | 13 | 15 => 112,
        // IPC_INFO: struct shminfo; SHM_INFO
        3 => 72,
        14 => 48,
        _ => 0,
    }
}

/// Bytes written by `msgctl`.
pub(super) fn message_queue_size(command: u64) -> u64 {
    match command as u32 {
        // IPC_STAT, MSG_STAT, MSG_STAT_ANY: struct msqid_ds
        2 | 11 | 13 => 120,
        // IPC_INFO, MSG_INFO: struct msginfo
        3 | 12 => 32,
        _ => 0,
    }
}

/// What `semctl` writes.
pub(super) enum SemaphoreOutput {
    Bytes(u64),
    /// Two bytes for each semaphore of the set, at most this many bytes.
    AllValues(u64),
}

/// What `semctl` writes, by command.
pub(super) fn semaphore_output(command: u64) -> SemaphoreOutput {
    SemaphoreOutput::Bytes(match command as u32 {
        // IPC_STAT, SEM_STAT, SEM_STAT_ANY: struct semid_ds
        2 | 18 | 20 => 104,
        // IPC_INFO, SEM_INFO: struct seminfo
        3 | 19 => 40,
        // GETALL: the size of the set is not known here; SEMMSL is 32,000.
        13 => return SemaphoreOutput::AllValues(64_000),
        _ => 0,
    })
}
