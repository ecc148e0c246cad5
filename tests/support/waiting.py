# SPDX-License-Identifier: MIT
"""Waiting in tests for what other processes do."""
import time


def comes_true(seconds, condition):
    """Whether the condition holds before so many seconds are over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
