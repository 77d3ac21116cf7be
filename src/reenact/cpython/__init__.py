"""Python programs: frames, lines and values of a recorded CPython, from its memory alone."""
