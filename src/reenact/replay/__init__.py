"""Replaying: the replayer's reports (`reports`, `frames`: pure), its process (`replayer`), and
what is made of them (`verification`).
"""
