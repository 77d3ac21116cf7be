"""Measures recording and replaying against native runs (`make bench`)."""
