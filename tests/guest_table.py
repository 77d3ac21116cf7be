"""The one table of guest programs: what each is made from and what must come out."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

DETERMINISTIC = "all"
STDOUT_ONLY = "stdout"
NOTHING = "nothing"


@dataclass(frozen=True)
class Guest:
    """One row.

    `same` says which outputs are equal in every run; what the recording printed must be in the
    replay byte for byte in any case. `status` is the exit status, negative for a signal.
    """

    name: str
    source: str = ""
    flags: Sequence[str] = ("-O2",)
    arguments: Sequence[str] = ()
    status: int = 0
    same: str = DETERMINISTIC
    timeout: float = 60
    #: What the recorder says is not covered; what comes before is exact.
    uncovered: str = ""
    #: A flag of /proc/cpuinfo without which recording cannot be exact.
    processor: str = ""
    #: It is recorded exactly only where the kernel lets a program watch what it executes.
    watches: bool = False

    @property
    def file(self) -> str:
        """The source file."""
        return self.source or f"{self.name}.c"


def _crash(how: str, number: int) -> Guest:
    return Guest(f"fault_die_{how}", "fault_die.c", arguments=(how,), status=-number)


def _random_mappings(seed: int, processes: int) -> Guest:
    arguments = (str(seed), "150", str(processes))
    return Guest(f"map_random_{processes}_{seed}", "map_random.c", arguments=arguments)


PROCESSES = (
    Guest("hello", arguments=("one", "two words", ""), status=7),
    Guest("fork"),
    Guest("fork_advice"),
    Guest("fork_wide"),
    Guest("fork_killed"),
    Guest("fork_refused"),
    Guest("vfork"),
    Guest("vfork_shares"),
    Guest("clone_structure"),
    Guest("clone_flags"),
    Guest("companion", status=4),
    Guest("companion_outlives", status=3, uncovered="goes on unrecorded"),
    Guest("vfork_waits", flags=("-O2", "-pthread")),
    Guest("spawn"),
    Guest("spawn_memory"),
    Guest("exec_chain", status=11),
    Guest("exec_descriptor"),
    Guest("chroot_without_proc", flags=("-O2", "-static")),
    Guest("script"),
    Guest("own_files", arguments=("an argument",)),
    Guest("region_calls"),
    Guest("region_exhausted"),
    Guest("own_maps"),
    Guest("own_links"),
    Guest("proc_elsewhere"),
    Guest("executes_itself"),
    Guest("own_descriptors"),
    Guest("other_status"),
    Guest("own_status", flags=("-O2", "-pthread")),
    Guest("descriptor_table"),
    Guest("named_descriptors"),
    Guest("vdso_pointers"),
    Guest("refused_register"),
    Guest("outputs_elsewhere"),
    Guest("close_range"),
    Guest("high_descriptors"),
    Guest("limits"),
    Guest("file_sizes"),
    Guest("limit_address_space"),
    Guest("limit_memory"),
    Guest("remote_memory"),
    Guest("remote_writing"),
    Guest("memory_files"),
    Guest("zombies"),
    Guest("namespace_silent"),
    Guest("orphans"),
    Guest("groups"),
    Guest("kill_group_abort", "kill_group.c", arguments=("6",), status=-signal.SIGABRT),
    Guest("kill_group_kill", "kill_group.c", arguments=("9",), status=-signal.SIGKILL),
    Guest("kill_group_named", "kill_group.c", arguments=("9", "named"), status=-signal.SIGKILL),
    Guest("pipes"),
    Guest("setuid", same=STDOUT_ONLY),
    Guest("big_arguments"),
    Guest("many_descriptors"),
    Guest("sandboxed", same=STDOUT_ONLY),
    Guest("segments", same=STDOUT_ONLY),
)

FILTERS = (
    Guest("filter_actions"),
    Guest("filter_endings", flags=("-O2", "-pthread"), same=STDOUT_ONLY),
    Guest("filter_refusals"),
    Guest("filter_inheritance", flags=("-O2", "-pthread")),
    Guest("filter_threads", flags=("-O2", "-pthread")),
    Guest("filter_arguments"),
    Guest("filter_traced"),
    Guest("landlock", flags=("-O2", "-pthread"), same=STDOUT_ONLY),
    Guest("landing_without_proc", flags=("-O2", "-pthread", "-static"), same=STDOUT_ONLY),
    Guest("not_dumpable", flags=("-O2", "-pthread")),
    Guest("own_program"),
    Guest("others_program"),
)

TRACERS = (
    Guest("ptrace_calls"),
    Guest("ptrace_events", flags=("-O2", "-pthread")),
    Guest("ptrace_attach", flags=("-O2", "-pthread")),
    Guest("ptrace_steps"),
    Guest("ptrace_endings"),
    Guest("ptrace_interrupted"),
    Guest("ptrace_sleeping"),
    Guest("ptrace_watches", flags=("-O2", "-pthread")),
    Guest("ptrace_exec_thread", flags=("-O2", "-pthread")),
    Guest("ptrace_crash_handler", flags=("-O2", "-pthread"), status=-11),
)

SIGNALS = (
    Guest("signal_information"),
    Guest("signal_simultaneous"),
    Guest("signal_swallowed"),
    Guest("signal_restart"),
    Guest("signal_flags"),
    Guest("signal_nested", same=NOTHING),
    Guest("signal_stack"),
    Guest("signal_stack_settings", flags=("-O2", "-pthread")),
    Guest("signal_frame"),
    Guest("signal_bad_frames"),
    Guest("vdso_bad_pointers"),
    Guest("sysenter"),
    Guest("signal_unknown_flags"),
    Guest("signal_wait"),
    Guest("signal_descriptor"),
    Guest("signal_blocked_own", status=5),
    Guest("signal_endings"),
    Guest("signal_jump"),
    Guest("signal_no_room"),
    Guest("timers"),
    Guest("timer_spin"),
    Guest("timer_flood"),
    Guest("child_signals"),
    Guest("job_control"),
    Guest("broken_pipe"),
    Guest("fault_fix"),
    Guest("fault_long"),
    Guest("fault_after_use"),
    Guest("branch_nowhere"),
    Guest("backtrace"),
    Guest("exceptions", "exceptions.cc", flags=("-O2", "-fnon-call-exceptions")),
    Guest("dead_stack", same=NOTHING),
    _crash("segv", signal.SIGSEGV),
    _crash("execute", signal.SIGSEGV),
    _crash("noncanonical", signal.SIGSEGV),
    _crash("privileged", signal.SIGSEGV),
    _crash("stack", signal.SIGSEGV),
    _crash("blocked", signal.SIGSEGV),
    _crash("fpe", signal.SIGFPE),
    _crash("ill", signal.SIGILL),
    _crash("bus", signal.SIGBUS),
    _crash("trap", signal.SIGTRAP),
    _crash("abort", signal.SIGABRT),
    _crash("overflow", signal.SIGSEGV),
    Guest("fault_die_child", "fault_die.c", arguments=("child",), status=signal.SIGSEGV),
)

MEMORY = (
    Guest("map_shared"),
    Guest("map_sparse"),
    Guest("map_droppable"),
    Guest("vdso_functions"),
    Guest("map_private"),
    Guest("map_lowest"),
    Guest("map_remap"),
    Guest("map_implied_execution"),
    Guest("growsdown_parts"),
    Guest("map_guard"),
    Guest("half_done"),
    Guest("map_advice", same=STDOUT_ONLY),
    Guest("map_advice_vector"),
    Guest("map_advice_pages"),
    Guest("map_locking"),
    Guest("map_guard"),
    Guest("map_file_changes"),
    Guest("map_file_anew"),
    Guest("map_allocated"),
    Guest("map_huge_file"),
    Guest("map_changed_without_proc", uncovered="has mapped was changed by another process"),
    Guest("map_limit"),
    Guest("map_locks"),
    *(_random_mappings(seed, processes) for processes in (1, 2) for seed in range(1, 7)),
    Guest("map_child"),
    Guest("map_alias"),
    Guest("heap_break"),
    Guest("stack_growth"),
    Guest("code_generated"),
    Guest("code_operands"),
    *(
        Guest(f"code_across_pages_{which}", "code_across_pages.c", arguments=(str(which),))
        for which in range(6)
    ),
    Guest("code_generated_time", flags=("-O2", "-pthread")),
    Guest("code_views"),
    Guest("far_returns"),
    Guest("int80", status=3),
    Guest("int80_tasks"),
    Guest("self_stepping", flags=("-O2", "-pthread", "-Wl,-z,now")),
    Guest("alignment_check"),
    Guest("instructions_refused"),
    Guest("code_self_modifying"),
    Guest("string_instructions"),
    Guest("compute"),
)

SHARED = (
    Guest("share_mutex", flags=("-O2", "-pthread")),
    Guest("share_stores", flags=("-O2", "-pthread")),
    Guest("share_semaphore", flags=("-O2", "-pthread")),
    Guest("snapshot_common"),
    Guest("share_spin"),
    Guest("share_stopped"),
    Guest("share_read_only"),
    Guest("share_system_v"),
    Guest("share_race", same=NOTHING),
    Guest("share_race_unoptimised", "share_race.c", flags=("-O0",), same=NOTHING),
    Guest("share_wake"),
    Guest("share_memfd"),
    Guest("share_file"),
    Guest("share_calls"),
    Guest("share_killed", flags=("-O2", "-pthread"), same=STDOUT_ONLY),
    Guest("share_dying", flags=("-O2", "-pthread")),
    Guest("share_stopped_computing"),
    Guest("share_vfork", flags=("-O2", "-pthread")),
    *(
        Guest(
            f"share_out_of_reach_{kind}",
            "share_out_of_reach.c",
            flags=("-O2", "-pthread"),
            arguments=(kind,),
        )
        for kind in ("inside", "outside", "thread", "user", "stopped")
    ),
)

INSTRUCTIONS = (
    Guest("clocks", same=NOTHING),
    Guest("output_order_threads", "output_order.c", flags=("-O2", "-pthread"), same=NOTHING),
    Guest("output_order_processes", "output_order.c", arguments=("processes",), same=NOTHING),
    Guest("clock_loop", same=NOTHING),
    Guest("instructions", same=NOTHING),
    Guest("instructions_often"),
    Guest("transactions", same=STDOUT_ONLY),
    Guest("time_stamps_refused", flags=("-O2", "-pthread")),
    Guest("code_cpuid", flags=("-O2", "-pthread"), processor="cpuid_fault"),
    Guest("code_names"),
    Guest("code_page_end", same=STDOUT_ONLY, processor="rdrand"),
    Guest("code_patched"),
    Guest("code_pointers", flags=("-O2", "-pthread"), same=STDOUT_ONLY, watches=True),
    Guest("code_tables", "code_tables.s"),
    Guest("code_read"),
    Guest("cpuid_answers"),
    Guest("x87_state", same=STDOUT_ONLY),
    Guest("vector_state"),
    Guest("xsave_layout", same=STDOUT_ONLY),
    Guest("xsave_in_use"),
    Guest("syscall_registers"),
    Guest("syscall_shapes"),
    Guest("red_zone"),
)

CALLS = (
    Guest("bad_pointers"),
    Guest("bad_arguments"),
    Guest("bad_pointers_blocked"),
    Guest("call_numbers"),
    Guest("bad_vectors"),
    Guest("big_read"),
    Guest("small_reads"),
    Guest("socket_lengths"),
    Guest("scatter"),
    Guest("messages"),
    Guest("polling"),
    Guest("files"),
    Guest("locks"),
    Guest("ioctl_unknown"),
    Guest("fetched_descriptors"),
    Guest("asynchronous", flags=("-O2", "-pthread")),
    Guest("asynchronous_destroyed", flags=("-O2", "-pthread")),
    Guest("terminal"),
    Guest("auxiliary", same=STDOUT_ONLY),
)

#: The same sources built in the other ways programs are built.
VARIANTS = (
    Guest("no_libc", flags=("-O2", "-nostdlib", "-static"), status=4),
    Guest("no_libc_pie", "no_libc.c", flags=("-O2", "-nostdlib", "-static-pie", "-fPIE"), status=4),
    Guest("hello_static", "hello.c", flags=("-O2", "-static"), status=7),
    Guest("hello_static_pie", "hello.c", flags=("-O2", "-static-pie", "-fPIE"), status=7),
    Guest("hello_non_pie", "hello.c", flags=("-O2", "-no-pie", "-fno-pie"), status=7),
    Guest("hello_stripped", "hello.c", flags=("-O2", "-s"), status=7),
    Guest("hello_bind_now", "hello.c", flags=("-O2", "-Wl,-z,now"), status=7),
    Guest("fork_static", "fork.c", flags=("-O2", "-static")),
    Guest("vfork_static", "vfork.c", flags=("-O2", "-static")),
    Guest("clocks_static", "clocks.c", flags=("-O2", "-static"), same=NOTHING),
    Guest("auxiliary_static", "auxiliary.c", flags=("-O2", "-static"), same=STDOUT_ONLY),
    Guest("auxiliary_non_pie", "auxiliary.c", flags=("-O2", "-no-pie"), same=STDOUT_ONLY),
    Guest("instructions_static", "instructions.c", flags=("-O2", "-static"), same=NOTHING),
    Guest("signal_jump_static", "signal_jump.c", flags=("-O2", "-static", "-s")),
    Guest("fault_fix_unoptimised", "fault_fix.c", flags=("-O0",)),
    Guest("red_zone_unoptimised", "red_zone.c", flags=("-O0",)),
    Guest("compute_unoptimised", "compute.c", flags=("-O0",), arguments=("60000",)),
    Guest("compute_native", "compute.c", flags=("-O3", "-march=native")),
    Guest("compute_size", "compute.c", flags=("-Os", "-static")),
    Guest(
        "exceptions_static",
        "exceptions.cc",
        flags=("-O2", "-fnon-call-exceptions", "-static"),
    ),
)

GUESTS = (
    *PROCESSES,
    *FILTERS,
    *TRACERS,
    *SIGNALS,
    *MEMORY,
    *SHARED,
    *INSTRUCTIONS,
    *CALLS,
    *VARIANTS,
)
