//! Flags and choices of sockets.

use super::super::{Choice, Flag};
use crate::argument::Kind;

/// `socket`.
pub(crate) const DOMAIN: &[Choice] = &[
    ("AF_UNSPEC", 0),
    ("AF_UNIX", 1),
    ("AF_INET", 2),
    ("AF_INET6", 10),
    ("AF_NETLINK", 16),
    ("AF_PACKET", 17),
    ("AF_ALG", 38),
    ("AF_VSOCK", 40),
    ("AF_XDP", 44),
];

/// Type and flags of `socket`, the flags of `accept4`.
pub(crate) const SOCKET_TYPE: Kind = Kind::Flags(SOCKET_TYPES);

/// The types are numbers, not bits; those in use do not overlap when taken in this order.
pub(crate) const SOCKET_TYPES: &[Flag] = &[
    ("SOCK_SEQPACKET", 0x5),
    ("SOCK_RAW", 0x3),
    ("SOCK_DGRAM", 0x2),
    ("SOCK_STREAM", 0x1),
    ("SOCK_NONBLOCK", 0x800),
    ("SOCK_CLOEXEC", 0x80000),
];

/// `getsockopt`.
pub(crate) const SOCKET_LEVEL: &[Choice] = &[
    ("SOL_IP", 0),
    ("SOL_SOCKET", 1),
    ("SOL_TCP", 6),
    ("SOL_UDP", 17),
    ("SOL_IPV6", 41),
    ("SOL_NETLINK", 270),
];

/// `shutdown`.
pub(crate) const SHUTDOWN: &[Choice] = &[("SHUT_RD", 0), ("SHUT_WR", 1), ("SHUT_RDWR", 2)];

/// `send`, `recv`.
pub(crate) const MESSAGE: &[Flag] = &[
    ("MSG_OOB", 0x1),
    ("MSG_PEEK", 0x2),
    ("MSG_DONTROUTE", 0x4),
    ("MSG_CTRUNC", 0x8),
    ("MSG_TRUNC", 0x20),
    ("MSG_DONTWAIT", 0x40),
    ("MSG_EOR", 0x80),
    ("MSG_WAITALL", 0x100),
    ("MSG_ERRQUEUE", 0x2000),
    ("MSG_NOSIGNAL", 0x4000),
    ("MSG_MORE", 0x8000),
    ("MSG_WAITFORONE", 0x10000),
    ("MSG_ZEROCOPY", 0x4000000),
    ("MSG_FASTOPEN", 0x20000000),
    ("MSG_CMSG_CLOEXEC", 0x40000000),
];
