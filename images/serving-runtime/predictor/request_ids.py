"""The id of a request, in each answer: the caller's own, or a new one."""

import os
import re
from itertools import count

from predictor.bodies import Headers

# Longer ones, and those with blanks, are no ids, and would be sent back and stored.
_GIVEN = re.compile(rb"[!-~]{1,128}")


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
