"""A server that receives bug reports: `reenact collect`.

Packs come in by tus, a protocol of uploads that go on after a cut; each is checked before it
counts. Those who report can add and nothing else; those who read have tokens of their own.
"""
