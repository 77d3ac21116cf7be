//! Sockets.

use crate::runner::{args, need, sys, write, Arena, Expect::*, Runner};

fn pair(kind: u64) -> (u64, u64) {
    let mut fds = [0i32; 2];
    need(53, args([1, kind, 0, fds.as_mut_ptr() as u64]));
    (fds[0] as u64, fds[1] as u64)
}

/// A datagram socket on the loopback interface, and the bytes of its address.
fn datagram() -> (u64, [u8; 16]) {
    let fd = need(41, args([2, 2, 0]));
    let mut address = [0u8; 16];
    address[0] = 2;
    address[4..8].copy_from_slice(&[127, 0, 0, 1]);
    need(49, args([fd, address.as_ptr() as u64, 16]));
    let mut length = 16u32;
    need(
        51,
        args([fd, address.as_mut_ptr() as u64, &raw mut length as u64]),
    );
    (fd, address)
}

fn send(from: u64, bytes: &[u8], to: &[u8; 16]) {
    need(
        44,
        [
            from,
            bytes.as_ptr() as u64,
            bytes.len() as u64,
            0,
            to.as_ptr() as u64,
            16,
        ],
    );
}

/// A message header in slot 0: name in 1, two buffers in 2 and 3, control in 4, vector in 5.
fn header(arena: &mut Arena, name: u32, control: u64) -> u64 {
    let vector = arena.longs(5, &[arena.slot(2), 10, arena.slot(3), 500]);
    let words = [
        arena.slot(1),
        u64::from(name),
        vector,
        2,
        arena.slot(4),
        control,
        0x7777_7777,
    ];
    arena.longs(0, &words)
}

pub fn run(runner: &mut Runner) {
    runner.case("pair", 53, Success, |arena| args([1, 1, 0, arena.slot(1)]));
    let (left, right) = pair(1);
    runner.case("stream, no address", 45, Success, |arena| {
        write(left, b"some bytes");
        [right, arena.slot(1), 100, 0, 0, 0]
    });
    runner.case("stream, address", 45, Success, |arena| {
        write(left, b"some bytes");
        [
            right,
            arena.slot(1),
            100,
            0,
            arena.slot(2),
            arena.words(3, &[64]),
        ]
    });
    runner.case("nothing there", 45, Error(11), |arena| {
        [
            right,
            arena.slot(1),
            100,
            0x40,
            arena.slot(2),
            arena.words(3, &[64]),
        ]
    });
    let (receiver, address) = datagram();
    let (sender, _) = datagram();
    runner.case("datagram, address", 45, Success, |arena| {
        send(sender, b"a datagram", &address);
        [
            receiver,
            arena.slot(1),
            100,
            0,
            arena.slot(2),
            arena.words(3, &[64]),
        ]
    });
    runner.case("datagram, address cut", 45, Success, |arena| {
        send(sender, b"a datagram", &address);
        [
            receiver,
            arena.slot(1),
            100,
            0,
            arena.slot(2),
            arena.words(3, &[5]),
        ]
    });
    runner.case("datagram cut, true length", 45, Success, |arena| {
        send(sender, &[3; 700], &address);
        [receiver, arena.slot(1), 100, 0x20, 0, 0]
    });
    runner.case("datagram", 47, Success, |arena| {
        send(sender, &[3; 200], &address);
        args([receiver, header(arena, 128, 100), 0])
    });
    runner.case("datagram cut, true length", 47, Success, |arena| {
        send(sender, &[3; 900], &address);
        args([receiver, header(arena, 3, 100), 0x20])
    });
    runner.case("nothing there", 47, Error(11), |arena| {
        args([receiver, header(arena, 3, 100), 0x40])
    });
    let (first, second) = pair(2);
    runner.case("descriptors and credentials", 47, Success, |arena| {
        let on = 1u32;
        need(54, args([second, 1, 16, &raw const on as u64, 4]));
        let data = [*b"data"];
        let vector = [data.as_ptr() as u64, 4];
        // SCM_RIGHTS with two descriptors.
        let control = [24u64, 1 | 1 << 32, 1 | 2 << 32];
        let header = [
            0,
            0,
            vector.as_ptr() as u64,
            1,
            control.as_ptr() as u64,
            24,
            0,
        ];
        need(46, args([first, header.as_ptr() as u64, 0]));
        args([second, self::header(arena, 128, 200), 0])
    });
    runner.case("control cut", 47, Success, |arena| {
        let data = [*b"data"];
        let vector = [data.as_ptr() as u64, 4];
        let control = [24u64, 1 | 1 << 32, 1 | 2 << 32];
        let header = [
            0,
            0,
            vector.as_ptr() as u64,
            1,
            control.as_ptr() as u64,
            24,
            0,
        ];
        need(46, args([first, header.as_ptr() as u64, 0]));
        args([second, self::header(arena, 128, 20), 0])
    });
    runner.case("three datagrams", 299, Success, |arena| {
        for size in [30, 700, 10] {
            send(sender, &vec![9; size], &address);
        }
        let mut headers = Vec::new();
        for index in 0..4 {
            let base = 2 + 4 * index;
            let vector = arena.longs(base, &[arena.slot(base + 1), 20, arena.slot(base + 2), 600]);
            headers.extend([arena.slot(base + 3), 128, vector, 2, 0, 0, 0, 0]);
        }
        let headers = arena.longs(0, &headers);
        args([receiver, headers, 4, 0x40, arena.longs(20, &[1, 0])])
    });
    runner.case("nothing there", 299, Error(11), |arena| {
        let headers = header(arena, 128, 0);
        args([receiver, headers, 1, 0x40, arena.longs(20, &[1, 0])])
    });
    runner.case_within("two datagrams", 307, Success, 40, |arena| {
        let vector = arena.longs(5, &[arena.slot(2), 10]);
        let header = [0, 0, vector, 1, 0, 0, 0, 0];
        let headers = arena.longs(0, &[header, header].concat());
        args([first, headers, 2, 0])
    });
    runner.case("datagram", 51, Success, |arena| {
        args([receiver, arena.slot(1), arena.words(2, &[100])])
    });
    runner.case("cut", 51, Success, |arena| {
        args([receiver, arena.slot(1), arena.words(2, &[7])])
    });
    runner.case("not connected", 52, Error(107), |arena| {
        args([receiver, arena.slot(1), arena.words(2, &[100])])
    });
    runner.case("local", 52, Success, |arena| {
        args([left, arena.slot(1), arena.words(2, &[100])])
    });
    let listener = need(41, args([2, 1, 0]));
    need(50, args([listener, 5]));
    let mut address = [0u8; 16];
    let mut length = 16u32;
    need(
        51,
        args([
            listener,
            address.as_mut_ptr() as u64,
            &raw mut length as u64,
        ]),
    );
    address[4..8].copy_from_slice(&[127, 0, 0, 1]);
    let connect = || {
        let client = need(41, args([2, 1, 0]));
        need(42, args([client, address.as_ptr() as u64, 16]));
        client
    };
    runner.case("address", 43, Success, |arena| {
        connect();
        args([listener, arena.slot(1), arena.words(2, &[64])])
    });
    runner.case("no address", 288, Success, |_| {
        connect();
        args([listener, 0, 0, 0o4000])
    });
    runner.case("address cut", 288, Success, |arena| {
        connect();
        args([listener, arena.slot(1), arena.words(2, &[2]), 0])
    });
    let client = connect();
    runner.case("peer", 52, Success, |arena| {
        args([client, arena.slot(1), arena.words(2, &[100])])
    });
    for (level, option, room, title) in [
        (1, 3, 4, "SO_TYPE"),
        (1, 3, 2, "SO_TYPE cut"),
        (1, 4, 100, "SO_ERROR, long buffer"),
        (1, 13, 8, "SO_LINGER"),
        (1, 17, 12, "SO_PEERCRED"),
        (1, 20, 16, "SO_RCVTIMEO"),
        (1, 26, 0, "SO_GET_FILTER"),
        (1, 55, 100, "SO_MEMINFO"),
        (1, 57, 8, "SO_COOKIE"),
        (6, 11, 300, "TCP_INFO"),
        (6, 11, 20, "TCP_INFO cut"),
        (6, 13, 16, "TCP_CONGESTION"),
        (0, 4, 40, "IP_OPTIONS"),
        (1, 59, 4, "SO_PEERGROUPS"),
    ] {
        runner.case(title, 55, Any, |arena| {
            args([
                client,
                level,
                option,
                arena.slot(1),
                arena.words(2, &[room]),
            ])
        });
    }
    runner.case("SO_RCVBUF", 54, Success, |arena| {
        args([client, 1, 8, arena.words(1, &[10_000]), 4])
    });
    runner.case("groups of the peer", 55, Any, |arena| {
        args([left, 1, 59, arena.slot(1), arena.words(2, &[400])])
    });
    let netlink = need(41, args([16, 3, 0]));
    runner.case("memberships", 55, Any, |arena| {
        args([netlink, 270, 9, arena.slot(1), arena.words(2, &[40])])
    });
    runner.case("list of interfaces", 16, Success, |arena| {
        let list = arena.longs(1, &[400, arena.slot(2)]);
        args([client, 0x8912, list])
    });
    for (request, title) in [
        (0x8913, "SIOCGIFFLAGS"),
        (0x8915, "SIOCGIFADDR"),
        (0x8921, "SIOCGIFMTU"),
        (0x8927, "SIOCGIFHWADDR"),
        (0x8933, "SIOCGIFINDEX"),
    ] {
        runner.case_within(title, 16, Success, 40, |arena| {
            let address = arena.text(1, "lo");
            args([client, request, address])
        });
    }
    runner.case("SIOCATMARK", 16, Success, |arena| {
        args([client, 0x8905, arena.slot(1)])
    });
    runner.case("SIOCOUTQ", 16, Success, |arena| {
        args([client, 0x5411, arena.slot(1)])
    });
    runner.case("FIONREAD", 16, Success, |arena| {
        args([receiver, 0x541b, arena.slot(1)])
    });
    sys(3, args([netlink]));
}
