"""Where bytes go from one recorded process to another: pipes, sockets, terminals, files.

Layers, lowest first: `descriptions` (what a descriptor stands for), `descriptors` (who has which),
`passed` (descriptors that go with messages), `transfers` (every call that gave or got bytes),
`channels` (which of them meet), `line_discipline` (what a terminal makes of bytes), `terminals`,
`shared_memory` (who stored a value), `following`.
"""
