"""Packs that are elsewhere: on web servers and in object stores, read and sent by their URLs."""
