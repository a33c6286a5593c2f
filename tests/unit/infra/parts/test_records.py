from infra.parts.records import ManagedDatabase


def test_a_database_is_named_after_its_cluster() -> None:
    database = ManagedDatabase(
        name="tracking",
        engine="postgres",
        version="17",
        instance_class="db.t4g.small",
        size="20Gi",
        multi_az=False,
    )
    assert database.identifier("plinth-prod") == "plinth-prod-tracking"
