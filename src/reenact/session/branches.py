"""Branches: what the program would do, tried out in a copy that is thrown away."""

from __future__ import annotations

from reenact.errors import UsageError
from reenact.session.interface import StoppedProcess

#: A function called in a branch returns to here: no program has memory there.
_RETURN_ADDRESS = 0x10
#: Most instructions of such a function.
_MOST_OF_CALL = 10**9
_RED_ZONE = 128
_ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")


def call(copy: StoppedProcess, function: int, arguments: tuple[int, ...]) -> int:
    """Call a function in a copy; its result (rax). The registers are as before afterwards.

    Arguments:
        copy: the branch.
        function: its address.
        arguments: up to six integers or pointers.

    Errors: `UsageError` when the function does what a branch cannot do.
    """
    if len(arguments) > len(_ARGUMENTS):
        raise UsageError("a call in a branch takes up to six arguments", "pass fewer")
    before = copy.registers()
    # The stack is aligned before the call; the caller's red zone stays as it is.
    stack = ((before.rsp - _RED_ZONE) & ~0xF) - 8
    copy.write(stack, _RETURN_ADDRESS.to_bytes(8, "little"))
    values = dict(zip(_ARGUMENTS, arguments))
    copy.set_registers(before.replaced(rip=function, rsp=stack, rax=0, **values))
    kind, code = copy.run_free(_MOST_OF_CALL).state.detail
    after = copy.registers()
    if after.rip != _RETURN_ADDRESS:
        raise UsageError(
            f"the function at {function:#x} does not return in a branch: "
            f"{_ended(kind, code)} at {after.rip:#x}",
            "only computation is possible in a branch",
        )
    copy.set_registers(before)
    return after["rax"]


def _ended(kind: int, code: int) -> str:
    """What ended a run in a branch (`ended_by` in crates/replayer/src/control/branch.rs)."""
    return (
        "it computes without end",
        "it comes to a vDSO function",
        f"it makes system call {code}",
        f"it gets signal {code}",
        "it asks the processor for something that was not recorded",
        "it comes to an instruction that cannot be replayed",
    )[kind]
