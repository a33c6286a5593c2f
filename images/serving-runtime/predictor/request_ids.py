"""The id of a request, in each answer: the caller's own, or a new one; and the unit that it belongs to."""

import os
import re
from collections.abc import Sequence
from itertools import count

from predictor.bodies import Headers

# Longer ones, and those with blanks, are no ids, and would be sent back and stored.
_GIVEN = re.compile(rb"[!-~]{1,128}")
# A hex digest, as the gateway assigns it to a version.
_UNIT = re.compile(rb"[0-9a-fA-F]{2,128}")


def unit_of(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the unit of an experiment that a request names; empty if it names none."""
    for name, value in headers:
        if name == b"x-experiment-unit" and _UNIT.fullmatch(value):
            return value
    return b""


class RequestIds:
    """Ids that no other process makes."""

    def __init__(self) -> None:
        self.start = os.urandom(8).hex()
        """Id of this process."""
        self._made = count(1)

    def of(self, headers: Headers) -> bytes:
        """Return the id in a request's headers, or a new one."""
        for name, value in headers:
            if name == b"x-request-id" and _GIVEN.fullmatch(value):
                return value
        return b"%s-%x" % (self.start.encode(), next(self._made))
