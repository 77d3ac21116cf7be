"""Guest programs with threads, and with signals in the middle of computation."""

from __future__ import annotations

import signal

from guest_table import NOTHING, STDOUT_ONLY, Guest

THREADED = ("-O2", "-pthread")


def _threads(name: str, *arguments: str, **options) -> Guest:
    source = options.pop("source", name)
    return Guest(name, f"{source}.c", flags=THREADED, arguments=arguments, **options)


def _landing(how: str, *variants: str, source: str = "landing.c") -> list[Guest]:
    """A loop interrupted some dozens of times; where, differs from run to run."""
    return [
        Guest(
            f"landing_{how}{variant.replace('-', '_').lower()}",
            source,
            flags=(variant, "-pthread"),
            arguments=(how, "30"),
            same=NOTHING,
        )
        for variant in variants
    ]


def _ending(how: str, status: int) -> Guest:
    return _threads(f"thread_exit_{how}", how, source="thread_exit_group", status=status)


THREADS = (
    _threads("thread_many"),
    _threads("thread_local"),
    _threads("thread_sync"),
    _threads("thread_robust"),
    _threads("thread_lock_abandoned"),
    _threads("thread_inherit"),
    _threads("thread_cancel"),
    _threads("thread_setuid", same=NOTHING),
    _threads("thread_kill"),
    _threads("thread_interrupted"),
    _threads("thread_preempted_calls"),
    _threads("thread_spin"),
    _threads("thread_spin_kinds"),
    _threads("thread_barriers"),
    Guest("thread_barriers_unoptimised", "thread_barriers.c", flags=("-O0", "-pthread")),
    _threads("thread_handed_hinted", "hinted", "400", source="thread_handed"),
    _threads("thread_handed_plain", "plain", "400", source="thread_handed"),
    _threads("thread_counts", "60"),
    Guest("thread_counts_slowly", "thread_counts.c", flags=("-O0", "-pthread"), arguments=("10",)),
    _threads("thread_like_waiting", "20000000"),
    _threads("thread_large_barriers", "100"),
    _threads("output_tables"),
    _threads("thread_signal_first"),
    _threads("thread_yield"),
    _threads("thread_woken", same=STDOUT_ONLY),
    _threads("thread_fork_spin"),
    _threads("thread_pipes"),
    _threads("thread_polling"),
    _threads("thread_sockets"),
    _threads("thread_race", same=NOTHING),
    _threads("wait_scratch"),
    _threads("wait_for_all"),
    _threads("wait_futexes"),
    _threads("wait_limits"),
    _threads("wait_pool", timeout=40),
    _threads("wait_queues", timeout=40),
    _threads("wait_read_only"),
    _threads("wait_transfers", timeout=40),
    _threads("share_written"),
    _threads("wait_vmsplice", timeout=30),
    _threads("futex_requeue"),
    _ending("exit", 3),
    _ending("kill", -signal.SIGTERM),
    _ending("fault", -signal.SIGSEGV),
    _ending("exec", 0),
    _ending("last", 6),
    _ending("main", 4),
    Guest("thread_sync_static", "thread_sync.c", flags=("-O2", "-static", "-pthread")),
    Guest("thread_sync_unoptimised", "thread_sync.c", flags=("-O0", "-pthread")),
)

SIGNALS_IN_COMPUTATION = (
    _threads("landing_large", same=NOTHING),
    _threads("timer_profile"),
    Guest("signal_escape", same=STDOUT_ONLY),
    _threads("thread_ignored", same=NOTHING),
    _threads("code_interrupted_signal", "signal", source="code_interrupted"),
    _threads("code_interrupted_thread", "thread", source="code_interrupted"),
)

#: Registers repeat in these loops, and only memory tells the rounds apart.
LANDINGS = (
    *_landing("global", "-O0", "-O2"),
    *_landing("heap", "-O0", "-O2"),
    *_landing("tight", "-O2"),
    *_landing("stack", "-O2"),
    *_landing("thread", "-O2"),
    *_landing("interpreter", "-O0", "-O2"),
    *_landing("recursion", "-O1"),
    *_landing("copy", "-O2"),
    *_landing("movs", "-O2"),
    *_landing("spin", "-O2"),
    *_landing("page", "-O2"),
    *_landing("float", "-O2"),
    *_landing("toggle", "-O0", "-O2", source="landing_cells.c"),
    *_landing("shift", "-O2", source="landing_cells.c"),
    *_landing("ring", "-O2", source="landing_cells.c"),
    *_landing("fill", "-O2", source="landing_cells.c"),
    *_landing("evolve", "-O2", source="landing_cells.c"),
    *_landing("both", "-O2", source="landing_cells.c"),
)

#: Only a vector or x87 register tells the rounds of these loops apart.
VECTOR_LANDINGS = tuple(
    _threads(f"landing_vector_{how}", how, source="landing_vector", same=NOTHING)
    for how in ("xmm", "xmm_high", "ymm", "zmm", "mask", "x87")
)

THREAD_GUESTS = (*THREADS, *SIGNALS_IN_COMPUTATION, *LANDINGS, *VECTOR_LANDINGS)
