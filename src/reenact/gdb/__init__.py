"""A debugger's remote server over a session, and starting the debugger a person has.

`packets` is the wire format, `description` the registers, `files` the trace's files, `target` what
a debugger can ask of a session, `server` the conversation, `launch` the debugger itself.
`commands_in_gdb.py` runs inside of gdb and is never imported here.
"""
