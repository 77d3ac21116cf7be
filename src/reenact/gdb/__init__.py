"""A debugger's remote server over a session, and starting the debugger a person has.

`packets` is the wire format, `identifiers` the names of threads in it, `description` the registers,
`transfer` what is read in parts, `files` the trace's files, `process_outline` what is known of the
process beforehand (`image`, `milestones`, `handlers`), `target` what a debugger can ask of a
session, `server` the conversation, `monitor` a person's commands, `launch` the debugger itself.
`client_paths` keeps text of a trace out of commands and terminals. `commands_in_gdb.py`,
`loops_in_gdb.py` and `installed_scripts_in_gdb.py` run inside of gdb and are never imported here.
"""
