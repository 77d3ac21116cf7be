"""Walking through the replay of one process, forwards and backwards.

A position (`positions`) names a moment; the values a person gets are in `values`; what a session
can do is `interface`.
"""
