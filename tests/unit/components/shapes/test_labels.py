from components.shapes.labels import labels, selector


def test_labels_hold_the_selector_and_say_whose_the_object_is() -> None:
    full = labels("mlflow", "tracking", "server", version="3")
    assert selector("mlflow", "tracking").items() <= full.items()
    assert full["app.kubernetes.io/part-of"] == "plinth"
    assert full["app.kubernetes.io/version"] == "3"


def test_a_selector_does_not_change_with_the_version() -> None:
    assert not {"app.kubernetes.io/version", "app.kubernetes.io/component"} & selector("a", "b").keys()
    assert "app.kubernetes.io/version" not in labels("a", "b", "c")
