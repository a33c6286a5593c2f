"""A database server as the tests of this package describe it."""

from components.aws.databases.rds_instance import RdsServer

KEY = "arn:aws:kms:eu-central-1:123456789012:key/data"
LOG_KEY = "arn:aws:kms:eu-central-1:123456789012:key/logs"
AUTHORITIES = "-----BEGIN CERTIFICATE-----\n"
SERVER = RdsServer(
    vpc_id="vpc-1",
    subnet_ids=["subnet-a", "subnet-b"],
    client_security_group_ids=("sg-nodes", "sg-gpu-nodes"),
    identifier="here-tracking",
    kms_key_arn=KEY,
    log_key_arn=LOG_KEY,
    authorities=AUTHORITIES,
    tags={"stack": "prod"},
)
