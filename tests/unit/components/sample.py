"""Arguments that components under test share."""

import dataclasses

from components.access.login import Issuer, LoginArgs
from components.connections import (
    GatewayConnection,
    MysqlConnection,
    ObjectStoreConnection,
    PostgresConnection,
)

AUTHORITIES = "-----BEGIN CERTIFICATE-----\n"
GATEWAY = GatewayConnection(
    name="traefik", namespace="gateway", domain="plinth.localhost", class_name="traefik"
)
SECURE_GATEWAY = dataclasses.replace(GATEWAY, secure=True)
ISSUER = Issuer(
    url="https://login.example.com",
    client_id="plinth",
    public_client_id="plinth-cli",
    scopes=("openid", "email", "groups"),
    user_claim="email",
    groups_claim="groups",
)


def login_args(**changes: object) -> LoginArgs:
    plain = LoginArgs(
        namespace="identity",
        image="oauth2-proxy",
        gateway=GATEWAY,
        cookie_secret="cookie-secret-of-tests",
        password="password-of-tests",
        client_secret="client-secret-of-tests",
        prefix="local:",
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def postgres() -> PostgresConnection:
    return PostgresConnection(
        host="postgres-rw.databases",
        port=5432,
        database="mlflow",
        username="mlflow",
        password="p@ss/word",
    )


def artifacts() -> ObjectStoreConnection:
    return ObjectStoreConnection(
        endpoint="object-store.object-store:9000",
        region="us-east-1",
        bucket="mlflow",
        access_key="mlflow",
        secret_key="artifact-secret",
        secure=False,
    )


def keyless_artifacts() -> ObjectStoreConnection:
    return ObjectStoreConnection(
        endpoint="s3.eu-central-1.amazonaws.com:443",
        region="eu-central-1",
        bucket="plinth-prod-mlflow",
        secure=True,
        public=True,
    )


MYSQL_PASSWORD = "mysql-p@ssword"


def mysql(database: str) -> MysqlConnection:
    return MysqlConnection(
        host="mysql.kubeflow",
        port=3306,
        database=database,
        username=database,
        password=MYSQL_PASSWORD,
    )
