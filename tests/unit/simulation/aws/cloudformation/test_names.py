"""The table of names: complete for every type, and without a line that the derivation makes superfluous."""

from collections.abc import Iterator

import pytest

from simulation.aws import published_types, replacements
from simulation.aws.cloudformation import names, schemas
from simulation.aws.cloudformation.schemas import Node
from simulation.aws.published_types import ListOf, Record, Shape

MAPPED = [each for each in replacements.tokens() if each not in names.GAPS]


@pytest.mark.parametrize("token", replacements.tokens())
def test_every_type_of_the_simulation_is_mapped_or_a_listed_gap(token: str) -> None:
    kind = names.resource_type(token)
    assert (kind is None) == (token in names.GAPS), (
        f"{token} is {kind or 'no type of CloudFormation'}: name it in names.NAMES, or list it in names.GAPS"
    )
    assert kind is None or kind.lower() in schemas.resource_types()


@pytest.mark.parametrize("token", names.NAMES)
def test_no_name_is_listed_that_is_derived(token: str) -> None:
    entry = names.NAMES[token]
    assert names.derived_type(token) is None or names.derived_type(token) != entry.type
    for path, node, name in _places(token, [*entry.renamed]):
        assert node is None or entry.renamed[path] != node.find(name), f"{token} {path} is derived"


@pytest.mark.parametrize("token", names.NAMES)
def test_every_listed_name_exists_on_both_sides(token: str) -> None:
    entry = names.NAMES[token]
    root = _root(token)
    assert not entry.inside or entry.inside in root.properties
    for path, node, _ in _places(token, [*entry.renamed, *entry.gaps]):
        assert _input(token, path), f"{token} has no input {path}"
        target = entry.renamed.get(path, "")
        if target.startswith("/"):
            assert root.at(target[1:]), f"{token} {path}: no property {target}"
        elif target:
            assert node is not None
            assert node.at(target), f"{token} {path}: no property {target}"


@pytest.mark.parametrize("token", names.NAMES)
def test_no_gap_is_listed_that_maps(token: str) -> None:
    entry = names.NAMES[token]
    for path, node, name in _places(token, [*entry.gaps]):
        assert node is None or node.find(name) is None, f"{token} {path} is a property: {node}"
    for path, reason in entry.gaps.items():
        assert len(reason.split()) >= 4, f"{token} {path}: write the reason"


@pytest.mark.parametrize("token", names.GAPS)
def test_no_type_is_a_gap_without_need_or_reason(token: str) -> None:
    assert names.resource_type(token) is None
    assert replacements.is_listed(token)
    assert len(names.GAPS[token].split()) >= 4


def _root(token: str) -> Node:
    kind = names.resource_type(token)
    assert kind is not None
    return schemas.resource(kind)


def _inside(token: str) -> Node | None:
    """Return the node of the inputs of a type."""
    node = _root(token).at(names.of(token).inside)
    return node.at("") if node else None


def _places(token: str, paths: list[str]) -> Iterator[tuple[str, Node | None, str]]:
    """Yield each path of an input, the node where its property would be, and the input's own name."""
    entry = names.of(token)
    for path in paths:
        node = _inside(token)
        above, _, name = path.rpartition(".")
        walked = ""
        for part in above.split(".") if above else []:
            walked = f"{walked}.{part}" if walked else part
            assert node is not None
            target = entry.renamed.get(walked, node.find(part) or "")
            node = node.at(target) if target else node
            # Properties of the items of a list, not of the list.
            node = node.at("") if node else None
        yield path, node, name


def _input(token: str, path: str) -> bool:
    fields = published_types.resource(token).inputs
    for number, part in enumerate(path.split(".")):
        if part not in fields:
            return False
        shape: Shape = fields[part].shape
        while not isinstance(shape, Record):
            if isinstance(shape, ListOf):
                shape = shape.item
            elif isinstance(shape, published_types.AnyOf):
                shape = shape.options[-1]
            else:
                return number == path.count(".")
        fields = shape.fields
    return True
