from components.shapes import pod_inputs


def test_secret_values_are_referred_to_and_never_written_out() -> None:
    assert pod_inputs.secret_env("login", {"PASSWORD": "key"}) == [
        {"name": "PASSWORD", "value_from": {"secret_key_ref": {"name": "login", "key": "key"}}}
    ]
    assert pod_inputs.plain_env({"A": "b"}) == [{"name": "A", "value": "b"}]


def test_a_claim_names_a_class_only_when_given() -> None:
    assert "storage_class_name" not in pod_inputs.claim("1Gi", None)
    assert pod_inputs.claim("1Gi", "fast").get("storage_class_name") == "fast"
