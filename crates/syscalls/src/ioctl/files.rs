//! Files, file systems, namespaces and processes.

use super::request::{opens, plain, waits, with, writes, Ioctl, IoctlOutput};

const SHOWS_RECORDER: &str = "it would show the recorder's memory; as on an older kernel";

pub(super) const REQUESTS: &[Ioctl] = &[
    writes(0x0001, "FIBMAP", 4),
    writes(0x0002, "FIGETBSZ", 4),
    waits(0x4004_9409, "FICLONE"),
    waits(0x4020_940d, "FICLONERANGE"),
    with(0xc018_9436, "FIDEDUPERANGE", IoctlOutput::Dedupe),
    waits(0xc004_5877, "FIFREEZE"),
    waits(0xc004_5878, "FITHAW"),
    writes(0xc018_5879, "FITRIM", 24),
    with(0xc020_660b, "FS_IOC_FIEMAP", IoctlOutput::Extents),
    // The next four are declared with `long` and written as `int`.
    writes(0x8008_6601, "FS_IOC_GETFLAGS", 4),
    plain(0x4008_6602, "FS_IOC_SETFLAGS"),
    writes(0x8008_7601, "FS_IOC_GETVERSION", 4),
    plain(0x4008_7602, "FS_IOC_SETVERSION"),
    writes(0x801c_581f, "FS_IOC_FSGETXATTR", 28),
    plain(0x401c_5820, "FS_IOC_FSSETXATTR"),
    writes(0x800c_581e, "XFS_IOC_DIOINFO", 12),
    writes(0x8100_9431, "FS_IOC_GETFSLABEL", 256),
    plain(0x4100_9432, "FS_IOC_SETFSLABEL"),
    writes(0x8011_1500, "FS_IOC_GETFSUUID", 17),
    writes(0x8081_1501, "FS_IOC_GETFSSYSFSPATH", 129),
    // Declared as input, yet written.
    writes(0x4010_6614, "FS_IOC_GET_ENCRYPTION_PWSALT", 16),
    writes(0x400c_6615, "FS_IOC_GET_ENCRYPTION_POLICY", 12),
    writes(0xc009_6616, "FS_IOC_GET_ENCRYPTION_POLICY_EX", 32),
    writes(0x4004_6629, "EXT4_IOC_GETSTATE", 4),
    with(0xc020_662a, "EXT4_IOC_GET_ES_CACHE", IoctlOutput::Extents),
    writes(0x8008_662c, "EXT4_IOC_GETFSUUID", 24),
    plain(0x6612, "EXT4_IOC_PRECACHE_EXTENTS"),
    // The digest, of at most 64 bytes, follows.
    writes(0xc004_6686, "FS_IOC_MEASURE_VERITY", 68),
    with(
        0xc028_6687,
        "FS_IOC_READ_VERITY_METADATA",
        IoctlOutput::Unknown, // a buffer named in a structure
    ),
    with(
        0xc060_6610,
        "PAGEMAP_SCAN",
        IoctlOutput::Declined(25, SHOWS_RECORDER),
    ),
    with(
        0xc068_6611,
        "PROCMAP_QUERY",
        IoctlOutput::Declined(25, SHOWS_RECORDER),
    ),
    // btrfs: only those whose structures hold no pointers.
    plain(0x9408, "BTRFS_IOC_SYNC"),
    plain(0x5000_940e, "BTRFS_IOC_SUBVOL_CREATE"),
    plain(0x5000_940f, "BTRFS_IOC_SNAP_DESTROY"),
    writes(0xd000_9411, "BTRFS_IOC_TREE_SEARCH", 4096),
    writes(0xd000_9412, "BTRFS_IOC_INO_LOOKUP", 4096),
    plain(0x5000_9417, "BTRFS_IOC_SNAP_CREATE_V2"),
    writes(0x8008_9419, "BTRFS_IOC_SUBVOL_GETFLAGS", 8),
    writes(0xd000_941e, "BTRFS_IOC_DEV_INFO", 4096),
    writes(0x8400_941f, "BTRFS_IOC_FS_INFO", 1024),
    writes(0x81f8_943c, "BTRFS_IOC_GET_SUBVOL_INFO", 504),
    // Namespaces.
    opens(0xb701, "NS_GET_USERNS"),
    opens(0xb702, "NS_GET_PARENT"),
    plain(0xb703, "NS_GET_NSTYPE"),
    writes(0xb704, "NS_GET_OWNER_UID", 4),
    writes(0x8008_b705, "NS_GET_MNTNS_ID", 8),
    plain(0x8004_b706, "NS_GET_PID_FROM_PIDNS"),
    plain(0x8004_b707, "NS_GET_TGID_FROM_PIDNS"),
    plain(0x8004_b708, "NS_GET_PID_IN_PIDNS"),
    plain(0x8004_b709, "NS_GET_TGID_IN_PIDNS"),
    writes(0x8010_b70a, "NS_MNT_GET_INFO", 16),
    // Processes by descriptor.
    opens(0xff01, "PIDFD_GET_CGROUP_NAMESPACE"),
    opens(0xff02, "PIDFD_GET_IPC_NAMESPACE"),
    opens(0xff03, "PIDFD_GET_MNT_NAMESPACE"),
    opens(0xff04, "PIDFD_GET_NET_NAMESPACE"),
    opens(0xff05, "PIDFD_GET_PID_NAMESPACE"),
    opens(0xff06, "PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE"),
    opens(0xff07, "PIDFD_GET_TIME_NAMESPACE"),
    opens(0xff08, "PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE"),
    opens(0xff09, "PIDFD_GET_USER_NAMESPACE"),
    opens(0xff0a, "PIDFD_GET_UTS_NAMESPACE"),
    // The number carries the size of the program's version of the structure.
    writes(0xc040_ff0b, "PIDFD_GET_INFO (64)", 64),
    writes(0xc048_ff0b, "PIDFD_GET_INFO (72)", 72),
    writes(0xc050_ff0b, "PIDFD_GET_INFO (80)", 80),
    // inotify.
    plain(0x4004_4900, "INOTIFY_IOC_SETNEXTWD"),
];
