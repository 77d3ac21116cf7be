//! Sockets and network interfaces.

use super::request::{opens, plain, with, writes, Ioctl, IoctlOutput};

/// `struct ifreq`.
const REQUEST: u32 = 40;

pub(super) const REQUESTS: &[Ioctl] = &[
    plain(0x8901, "FIOSETOWN"),
    plain(0x8902, "SIOCSPGRP"),
    writes(0x8903, "FIOGETOWN", 4),
    writes(0x8904, "SIOCGPGRP", 4),
    writes(0x8905, "SIOCATMARK", 4),
    writes(0x8906, "SIOCGSTAMP", 16),
    writes(0x8907, "SIOCGSTAMPNS", 16),
    plain(0x890b, "SIOCADDRT"),
    plain(0x890c, "SIOCDELRT"),
    writes(0x8910, "SIOCGIFNAME", REQUEST),
    plain(0x8911, "SIOCSIFLINK"),
    with(0x8912, "SIOCGIFCONF", IoctlOutput::InterfaceList),
    writes(0x8913, "SIOCGIFFLAGS", REQUEST),
    plain(0x8914, "SIOCSIFFLAGS"),
    writes(0x8915, "SIOCGIFADDR", REQUEST),
    plain(0x8916, "SIOCSIFADDR"),
    writes(0x8917, "SIOCGIFDSTADDR", REQUEST),
    plain(0x8918, "SIOCSIFDSTADDR"),
    writes(0x8919, "SIOCGIFBRDADDR", REQUEST),
    plain(0x891a, "SIOCSIFBRDADDR"),
    writes(0x891b, "SIOCGIFNETMASK", REQUEST),
    plain(0x891c, "SIOCSIFNETMASK"),
    writes(0x891d, "SIOCGIFMETRIC", REQUEST),
    plain(0x891e, "SIOCSIFMETRIC"),
    writes(0x8921, "SIOCGIFMTU", REQUEST),
    plain(0x8922, "SIOCSIFMTU"),
    plain(0x8923, "SIOCSIFNAME"),
    plain(0x8924, "SIOCSIFHWADDR"),
    writes(0x8927, "SIOCGIFHWADDR", REQUEST),
    plain(0x8931, "SIOCADDMULTI"),
    plain(0x8932, "SIOCDELMULTI"),
    writes(0x8933, "SIOCGIFINDEX", REQUEST),
    writes(0x8942, "SIOCGIFTXQLEN", REQUEST),
    plain(0x8943, "SIOCSIFTXQLEN"),
    // Its many structures are of many sizes.
    with(0x8946, "SIOCETHTOOL", IoctlOutput::Unknown),
    writes(0x8947, "SIOCGMIIPHY", REQUEST),
    writes(0x8948, "SIOCGMIIREG", REQUEST),
    writes(0x894b, "SIOCOUTQNSD", 4),
    opens(0x894c, "SIOCGSKNS"),
    plain(0x8953, "SIOCDARP"),
    writes(0x8954, "SIOCGARP", 68),
    plain(0x8955, "SIOCSARP"),
    writes(0x8970, "SIOCGIFMAP", REQUEST),
];
