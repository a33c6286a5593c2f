"""Which metrics an expression reads."""

import re

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_MATCHERS = re.compile(r"\{[^{}]*\}")
_RANGE = re.compile(r"\[[^\]]*\]")
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME = re.compile(r"(?<![\w:.])[a-zA-Z_:][\w:]*\b(?!\s*\()")
_WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "inf", "nan"}
_DURATION = re.compile(r"\boffset\s+\w+")


def of(expression: str) -> set[str]:
    """Return the names of all series that a PromQL expression reads."""
    bare = expression
    for pattern in (_TEXT, _MATCHERS, _RANGE, _GROUPING, _DURATION):
        bare = pattern.sub(" ", bare)
    return {name for name in _NAME.findall(bare) if name.lower() not in _WORDS}
