//! Commands of `fcntl`.

use crate::refusal::{Refusal, Subject};

/// What a command does to descriptors, after success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FcntlDescriptors {
    None,
    /// The result is a duplicate of the first argument.
    Duplicate {
        closes_on_exec: bool,
    },
    /// The third argument says whether it closes on exec.
    SetFlags,
}

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FcntlCommand {
    pub number: u32,
    pub name: &'static str,
    /// Bytes written at the third argument on success.
    pub bytes: u32,
    pub descriptors: FcntlDescriptors,
    /// Waits (for a lock), and writes nothing.
    pub may_block: bool,
}

const fn command(number: u32, name: &'static str) -> FcntlCommand {
    FcntlCommand {
        number,
        name,
        bytes: 0,
        descriptors: FcntlDescriptors::None,
        may_block: false,
    }
}

impl FcntlCommand {
    const fn writes(mut self, bytes: u32) -> FcntlCommand {
        self.bytes = bytes;
        self
    }

    const fn descriptors(mut self, descriptors: FcntlDescriptors) -> FcntlCommand {
        self.descriptors = descriptors;
        self
    }

    const fn waits(mut self) -> FcntlCommand {
        self.may_block = true;
        self
    }
}

pub(crate) static COMMANDS: [FcntlCommand; 37] = [
    command(0, "F_DUPFD").descriptors(FcntlDescriptors::Duplicate {
        closes_on_exec: false,
    }),
    command(1, "F_GETFD"),
    command(2, "F_SETFD").descriptors(FcntlDescriptors::SetFlags),
    command(3, "F_GETFL"),
    command(4, "F_SETFL"),
    command(5, "F_GETLK").writes(32),
    command(6, "F_SETLK"),
    command(7, "F_SETLKW").waits(),
    command(8, "F_SETOWN"),
    command(9, "F_GETOWN"),
    command(10, "F_SETSIG"),
    command(11, "F_GETSIG"),
    // The numbers of 32-bit programs for 64-bit locks: the kernel answers EINVAL here.
    command(12, "F_GETLK64"),
    command(13, "F_SETLK64"),
    command(14, "F_SETLKW64"),
    command(15, "F_SETOWN_EX"),
    command(16, "F_GETOWN_EX").writes(8),
    command(17, "F_GETOWNER_UIDS").writes(8),
    command(36, "F_OFD_GETLK").writes(32),
    command(37, "F_OFD_SETLK"),
    command(38, "F_OFD_SETLKW").waits(),
    command(1024, "F_SETLEASE"),
    command(1025, "F_GETLEASE"),
    command(1026, "F_NOTIFY"),
    command(1027, "F_DUPFD_QUERY"),
    command(1028, "F_CREATED_QUERY"),
    command(1029, "F_CANCELLK"),
    command(1030, "F_DUPFD_CLOEXEC").descriptors(FcntlDescriptors::Duplicate {
        closes_on_exec: true,
    }),
    command(1031, "F_SETPIPE_SZ"),
    command(1032, "F_GETPIPE_SZ"),
    command(1033, "F_ADD_SEALS"),
    command(1034, "F_GET_SEALS"),
    command(1035, "F_GET_RW_HINT").writes(8),
    command(1036, "F_SET_RW_HINT"),
    command(1037, "F_GET_FILE_RW_HINT").writes(8),
    command(1038, "F_SET_FILE_RW_HINT"),
    command(1039, "F_GETDELEG").writes(8),
];

/// What an `fcntl` command does.
///
/// # Errors
/// An unknown command is declined with `EINVAL`, as by the kernel.
pub fn fcntl(number: u32) -> Result<&'static FcntlCommand, Refusal> {
    COMMANDS
        .iter()
        .find(|command| command.number == number)
        .ok_or(Refusal::Declined {
            subject: Subject::Fcntl(number),
            errno: 22,
            reason: "unknown command",
        })
}
