"""`python -m reenact` is the same as `reenact`."""

from reenact.command_line import program

if __name__ == "__main__":
    program()
