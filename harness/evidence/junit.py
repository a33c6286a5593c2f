"""A night as JUnit: one suite per phase, with a case for the phase and one for each promise."""

from xml.etree import ElementTree

from harness.evidence.night import Night, Phase, State


def render(night: Night) -> str:
    """Return the XML that CI systems read."""
    root = ElementTree.Element("testsuites", {"name": "plinth nightly", "time": f"{night.seconds:.1f}"})
    for phase in night.phases:
        _suite(root, night, phase)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ElementTree.Element, night: Night, phase: Phase) -> None:
    suite = ElementTree.SubElement(root, "testsuite", {"name": phase.name, "time": f"{phase.seconds:.1f}"})
    case = _case(suite, phase.name, "phase", phase.seconds)
    if phase.state is State.FAILED:
        kind = "failure" if phase.fault == "product" else "error"
        ElementTree.SubElement(case, kind, {"message": phase.reason, "type": str(phase.fault or "")})
    elif phase.state is State.INTERRUPTED:
        ElementTree.SubElement(case, "error", {"message": phase.reason, "type": "interrupted"})
    elif phase.state is not State.PASSED:
        ElementTree.SubElement(case, "skipped", {"message": phase.reason or str(phase.state)})
    for promise in night.promises:
        if promise["phase"] != phase.name:
            continue
        case = _case(suite, promise["promise"], f"nightly.{phase.name}", promise["seconds"])
        if promise["outcome"] == "failed":
            ElementTree.SubElement(case, "failure", {"message": promise["reason"] or "failed"})
        elif promise["outcome"] == "skipped":
            ElementTree.SubElement(case, "skipped", {"message": promise["reason"] or "skipped"})
    for name, tags in (("tests", ("testcase",)), ("failures", ("failure",)), ("errors", ("error",))):
        suite.set(name, str(sum(len(list(suite.iter(tag))) for tag in tags)))
    suite.set("skipped", str(len(list(suite.iter("skipped")))))


def _case(suite: ElementTree.Element, name: str, group: str, seconds: float) -> ElementTree.Element:
    attributes = {"name": name, "classname": group, "time": f"{seconds:.1f}"}
    return ElementTree.SubElement(suite, "testcase", attributes)
