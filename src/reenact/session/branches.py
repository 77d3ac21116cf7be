"""Branches: what the program would do, tried out in a copy that is thrown away."""

from __future__ import annotations

import signal
import struct
from collections.abc import Mapping, Sequence
from typing import Union

from reenact.errors import ReplayError, UsageError
from reenact.session.copy_calls import CopyCalls, Refused
from reenact.session.interface import StoppedProcess
from reenact.session.values import Registers

#: A function called in a branch returns to here: no program has memory there.
RETURN_ADDRESS = 0x10
#: Most instructions of such a function.
_MOST_OF_CALL = 10**9
_MOST_SYSTEM_CALLS = 100_000
_RED_ZONE = 128
_ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
_VECTOR_ARGUMENTS = 8
_CALL_ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
_SYSCALL_LENGTH = 2
#: What ends a run in a branch (`ended_by` in crates/replayer/src/control/branch.rs).
_HOOK, _SYSTEM_CALL, _SIGNAL, _INSTRUCTION = 1, 2, 3, 4
#: Codes of instructions (`instruction` in crates/trace/src/event.rs), and their lengths.
_TIME_STAMPS = {2: 2, 3: 3}


class RefusedCallError(UsageError):
    """A function does what a branch cannot do.

    Arguments:
        function: its address.
        why: what it does.
        number: the signal by which a debugger may be told.
    """

    def __init__(self, function: int, why: str, number: int) -> None:
        super().__init__(
            f"the function at {function:#x} does not return in a branch: {why}",
            "a copy computes, allocates and prints; it does nothing else",
        )
        self.signal = number


def call(
    copy: StoppedProcess,
    function: int,
    arguments: Sequence[Union[int, float]],
    calls: CopyCalls,
    detours: Mapping[int, int],
) -> Registers:
    """Call a function in a copy; the registers when it returns. Those of the copy stay as before.

    Arguments:
        copy: the branch.
        function: its address.
        arguments: up to six integers or pointers, and up to eight floating-point numbers (double).
        calls: carries out its system calls.
        detours: numbers of system calls by addresses of vDSO functions that stand for them.

    Errors: `UsageError` when the function does what a branch cannot do.
    """
    whole = [one for one in arguments if not isinstance(one, float)]
    real = [one for one in arguments if isinstance(one, float)]
    if len(whole) > len(_ARGUMENTS) or len(real) > _VECTOR_ARGUMENTS:
        raise UsageError(
            "a call in a branch takes up to six integers and eight floating-point numbers",
            "pass fewer",
        )
    before = copy.registers()
    # The stack is aligned before the call; the caller's red zone stays as it is.
    stack = ((before.rsp - _RED_ZONE) & ~0xF) - 8
    values = dict(zip(_ARGUMENTS, whole))
    prepared = before.replaced(rip=function, rsp=stack, rax=len(real), **values)
    for number, value in enumerate(real):
        prepared = prepared.with_vector(number, struct.pack("<dd", value, 0.0))
    copy.set_registers(prepared)
    after = run_to_return(copy, calls, detours)
    copy.set_registers(before)
    return after


def run_to_return(copy: StoppedProcess, calls: CopyCalls, detours: Mapping[int, int]) -> Registers:
    """Run a function whose first instruction is next, and whose stack has room for its return.

    Arguments:
        copy: the branch; at the stack pointer the address to return to is replaced.
        calls: as for `call`.
        detours: as for `call`.

    Errors: `UsageError` when the function does what a branch cannot do.
    """
    begun = copy.registers()
    copy.write(begun.rsp, RETURN_ADDRESS.to_bytes(8, "little"))
    ticks = 0
    for _ in range(_MOST_SYSTEM_CALLS):
        kind, code = copy.run_free(_MOST_OF_CALL).state.detail
        now = copy.registers()
        if now.rip == RETURN_ADDRESS:
            return now
        try:
            if kind == _SYSTEM_CALL:
                _answer(copy, now, calls)
            elif kind == _HOOK and now.rip in detours:
                _answer_detour(copy, now, calls, detours[now.rip])
            elif kind == _INSTRUCTION and code in _TIME_STAMPS:
                ticks += 1
                _answer_time_stamp(copy, now, _TIME_STAMPS[code], calls.time_stamp + ticks)
            else:
                raise Refused(_ended(kind, code))
        except (Refused, ReplayError) as refused:
            number = code if kind == _SIGNAL else signal.SIGSYS
            why = f"{_reason(refused)} at {now.rip:#x}"
            raise RefusedCallError(begun.rip, why, number) from None
    raise RefusedCallError(begun.rip, "it makes system calls without end", signal.SIGSYS)


def _reason(refused: Union[Refused, ReplayError]) -> str:
    return refused.message if isinstance(refused, ReplayError) else str(refused)


def _answer(copy: StoppedProcess, now: Registers, calls: CopyCalls) -> None:
    result = calls.answer(now["rax"] & 0xFFFF_FFFF, [now[name] for name in _CALL_ARGUMENTS])
    behind = now.rip + _SYSCALL_LENGTH
    copy.set_registers(now.replaced(rax=result, rcx=behind, r11=now["rflags"], rip=behind))


def _answer_detour(copy: StoppedProcess, now: Registers, calls: CopyCalls, number: int) -> None:
    """A function of the vDSO: it takes its arguments as any function, and returns."""
    result = calls.answer(number, [now[name] for name in _ARGUMENTS])
    back = int.from_bytes(copy.read(now.rsp, 8), "little")
    copy.set_registers(now.replaced(rax=result, rip=back, rsp=now.rsp + 8))


def _answer_time_stamp(copy: StoppedProcess, now: Registers, length: int, value: int) -> None:
    low, high = value & 0xFFFF_FFFF, value >> 32 & 0xFFFF_FFFF
    copy.set_registers(now.replaced(rax=low, rdx=high, rip=now.rip + length))


def _ended(kind: int, code: int) -> str:
    """What ended a run in a branch."""
    from reenact.terminal import signal_name

    return (
        "it computes without end",
        "it comes to a vDSO function",
        f"it makes system call {code}",
        f"it gets {signal_name(code)}",
        "it asks the processor for something that was not recorded",
        "it comes to an instruction that cannot be replayed",
    )[kind]
