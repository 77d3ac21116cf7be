"""The table of layers: what may use what. The one place to change when a module or crate is new."""

from __future__ import annotations

#: Layers of the Python package, lowest first; a name covers the modules below it.
PYTHON_LAYERS = (
    ("errors", "_native"),
    ("environment", "version", "printable"),
    ("places", "programs", "terminal", "events"),
    ("trace_files", "trace_sizes", "choosing", "kept_copies", "packs", "rings"),
    ("stores",),
    ("indexes",),
    ("locating",),
    ("manifest", "attachment_text", "empty_trace", "kept_sources"),
    ("trace",),
    ("recordings", "replay", "doctor", "replaced_code", "reach"),
    ("symbols",),
    ("compiling",),
    ("session",),
    ("cpython",),
    ("streams",),
    ("gdb", "pdb"),
    ("retrying", "recorder", "asked_inside"),
    ("__init__",),
    ("ending", "commands"),
    ("parsing",),
    ("reference",),
    ("command_line",),
    ("__main__",),
)

#: Exceptions: (importing module, imported module), with the reason. They do not close a circle.
PYTHON_EXCEPTIONS = {
    # Completion is a command about all commands; it is imported only when it runs.
    ("commands.completion", "parsing"),
    ("commands.completion", "reference.completion"),
    # `session.python` is made when it is asked for; what makes it asks a session by a protocol.
    ("session.base", "cpython.python"),
    ("session.walking", "cpython.python"),
    # Methods of the public Trace that are shorthand for higher layers, imported when called.
    ("trace", "replay.collecting"),
    ("trace", "replay.verification"),
    ("trace", "session.bookmarks"),
    ("trace", "session.session"),
    ("trace", "streams.following"),
}

#: What each Rust crate may depend on, of ours.
RUST_DEPENDENCIES: dict[str, set[str]] = {
    "trace": set(),
    "agent": set(),
    "decompress": set(),
    "sites": {"trace"},
    "filters": set(),
    "freestanding": set(),
    "interpose": {"trace", "freestanding"},
    "syscalls": set(),
    "translator": {"trace"},
    "recorder": {"trace", "syscalls", "filters", "freestanding", "interpose"},
    "sandbox": set(),
    "replayer": {
        "trace",
        "agent",
        "decompress",
        "syscalls",
        "freestanding",
        "interpose",
        "sandbox",
        "translator",
    },
    "files": {"trace"},
    "store": {"trace", "files"},
    "supervisor": {"trace", "files", "sites"},
    "standalone": {"files", "supervisor"},
    "symbols": {"files"},
    "python": {"trace", "files", "syscalls", "store", "supervisor", "symbols"},
    "replayer-tests": {"trace"},
}

#: Layers of modules inside a crate, lowest first, where a newcomer is helped by them; a name covers
#: the modules below it. Every other crate only has to be free of circles.
RUST_LAYERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "syscalls": (
        ("names", "argument", "access", "refusal", "wait", "traits", "class", "facts", "advice"),
        ("content", "output", "futex", "emit"),
        ("call", "fcntl", "prctl", "ioctl"),
        ("row_check", "capture", "format"),
        ("table",),
        ("reference", "i386"),
        ("(root)",),
    ),
    "recorder": (
        # The program's memory, the processor, threads, and what the supervisor shares with us.
        (
            "text",
            "waiting_notes",
            "range_table",
            "guest",
            "scratch",
            "arena",
            "confinement",
            "thread",
            "unfinished_wait",
            "segment_bases",
            "cpuid",
        ),
        ("companions",),
        (
            "maps_file",
            "address_space",
            "pagemap",
            "file_source",
            "code_ranges",
            "known_calls",
            "suspects",
            "file_size_limit",
            "other_processes",
            "hidden_descriptors",
            "descriptor_table",
            "streams",
        ),
        # Who is traced by whom.
        ("ptrace", "ptrace::links"),
        ("substitute_clock", "time_stamps", "refused"),
        # The log, and a call on its way through.
        ("log", "message", "call"),
        # Facts about signals: what waits, what is blocked, when to look again.
        (
            "signal",
            "signal::components",
            "signal::dirty",
            "signal::forwarded",
            "signal::landing_cost",
            "signal::mask",
            "signal::preemption",
            "signal::queue",
            "signal::sending",
            "signal::timer",
        ),
        # The program's code: patched calls, instructions that are performed here.
        ("patch", "sites", "state_store", "pinning", "unknown_code", "arming"),
        # Files, and memory that others see.
        ("files", "mapped_files", "own_mappings"),
        (
            "filters",
            "stand_in",
            "shared",
            "object_content",
            "conversion",
            "heap",
            "implied_execution",
            "vdso",
            "writable_memory",
        ),
        # Whether snapshots are wanted, and what threads leave behind for them.
        ("snapshot", "snapshot::wishes", "snapshot::copies", "snapshot::registers"),
        # Who runs.
        (
            "chaos",
            "spinning",
            "run_queue",
            "grants",
            "patience",
            "resting_loops",
            "wake_ups",
            "turn_holder",
            "sharing_group",
            "scheduler",
            "released",
            "output_order",
            "last_outputs",
            "time_left",
            "waiting_places",
        ),
        # The handler that the kernel knows, and the program's signals delivered.
        (
            "signal::handler",
            "signal::actions",
            "signal::calls",
            "signal::deliver",
            "signal::held",
            "signal::image",
            "signal::landing",
            "signal::sigreturn",
            "signal::stepping",
            "signal::traced",
            "signal::vectors_at_landing",
            "signal::watched",
            # What a tracer sees of them, and the stops of a traced thread.
            "ptrace::debug_registers",
            "ptrace::disturbed",
            "ptrace::endings",
            "ptrace::faults",
            "ptrace::interrupted",
            "ptrace::news",
            "ptrace::notice",
            "ptrace::registers",
            "ptrace::service",
            "ptrace::signals",
            "ptrace::stopped",
            "ptrace::stopped_memory",
            "ptrace::stops",
        ),
        # Handlers of system calls.
        (
            "nested_pointers",
            "half_done",
            "around_region",
            "asynchronous_io",
            "compared",
            "limits",
            "named_descriptors",
            "polled_numbers",
            "system_v",
            "file_changes",
            "time_stamp_option",
            "virtualize",
            "unperformed",
            "status_file",
            "traced_status",
            "limits_file",
            "proc_files",
            "mappings",
            "ptrace::asking",
            "ptrace::children",
            "ptrace::executions",
            "ptrace::memory_files",
            "ptrace::requests",
            "ptrace::waiting",
        ),
        ("priority_lock", "wait_limit", "blocking"),
        ("loader", "process"),
        (
            "snapshot::own_pages",
            "snapshot::common",
            "snapshot::state",
            "snapshot::copy",
            "snapshot::taking",
        ),
        # On top: who performs a call, and what happens when the program comes in.
        ("dispatch",),
        ("attaching",),
        ("arrival", "(root)"),
    ),
}

#: Folders of Python modules that are not part of the package, and what their names begin with.
PYTHON_FOLDERS = {"benches": "benches", "tests": "", "tools": ""}
