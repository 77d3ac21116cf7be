"""What addresses mean: functions, lines, call frames, variables, from a trace's files.

`files` opens the files a trace kept; `space` knows where they are mapped at a position and answers
by address, function and line; `unwinding` finds the callers; `expressions` evaluates `a->b[3]`.
Nothing here knows of sessions: they hand over mappings, registers and a function that reads memory.
"""
