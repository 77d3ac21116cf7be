"""Publish messages to a queue and get them back: AMQP 0-9-1, as little of it as that takes."""

import socket
import struct
import sys

METHOD, HEADER, BODY, END = 1, 2, 3, b"\xce"


def short(text: bytes) -> bytes:
    """A short string."""
    return bytes([len(text)]) + text


def long(text: bytes) -> bytes:
    """A long string."""
    return struct.pack(">I", len(text)) + text


def method(channel: int, of: int, number: int, arguments: bytes = b"") -> bytes:
    """A frame with a method."""
    payload = struct.pack(">HH", of, number) + arguments
    return struct.pack(">BHI", METHOD, channel, len(payload)) + payload + END


def content(channel: int, body: bytes) -> bytes:
    """The frames of a message without properties."""
    header = struct.pack(">HHQH", 60, 0, len(body), 0)
    frames = ((HEADER, header), (BODY, body))
    return b"".join(
        struct.pack(">BHI", kind, channel, len(data)) + data + END for kind, data in frames
    )


server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
stream = server.makefile("rb")


def frame() -> bytes:
    """The payload of the next frame."""
    _, _, length = struct.unpack(">BHI", stream.read(7))
    return stream.read(length + 1)[:-1]


def ask(request: bytes) -> bytes:
    """Send, and wait for the answer."""
    server.sendall(request)
    return frame()


QUEUE = short(b"recorded")
ask(b"AMQP\0\0\x09\x01")
login = long(b"") + short(b"PLAIN") + long(b"\0guest\0guest") + short(b"en_US")
ask(method(0, 10, 11, login))
server.sendall(method(0, 10, 31, struct.pack(">HIH", 10, 131072, 0)))
ask(method(0, 10, 40, short(b"/") + short(b"") + b"\0"))
ask(method(1, 20, 10, short(b"")))
ask(method(1, 50, 10, b"\0\0" + QUEUE + b"\x04" + long(b"")))
for number in range(20):
    publish = method(1, 60, 40, b"\0\0" + short(b"") + QUEUE + b"\0")
    server.sendall(publish + content(1, b"message %d" % number))
got = []
while len(got) < 20:
    # get-ok or get-empty
    if ask(method(1, 60, 70, b"\0\0" + QUEUE + b"\x01"))[:4] == struct.pack(">HH", 60, 71):
        frame()
        got.append(frame().decode())
print(len(got), got[0], got[-1])
ask(method(0, 10, 50, b"\0\xc8" + short(b"") + b"\0\0\0\0"))
