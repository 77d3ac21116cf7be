"""What this machine offers, and what that means for recording and replaying.

`findings` has the type; the other modules each look at one part of the machine and change nothing
that outlives the look: whatever alters a process is tried in a forked child.
"""
