from components.aws.databases import rds_logs, rds_mysql, rds_postgres


def test_groups_are_named_as_rds_names_them() -> None:
    assert rds_logs.log_groups("here-tracking", "postgres") == {
        "postgresql": "/aws/rds/instance/here-tracking/postgresql",
        "upgrade": "/aws/rds/instance/here-tracking/upgrade",
    }


def test_every_engine_has_logs() -> None:
    assert {rds_mysql.engine().name, rds_postgres.engine().name} == rds_logs.LOGS.keys()
