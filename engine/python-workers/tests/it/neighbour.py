"""Beside the functions: they may import it."""


def add(x, y):
    return x + y
