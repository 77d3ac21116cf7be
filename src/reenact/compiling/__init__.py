"""Expressions in the notation of C made into agent expressions, which the replayer evaluates."""
