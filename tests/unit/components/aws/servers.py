"""A database server as the tests of this package describe it."""

from components.aws.rds_instance import RdsServer

KEY = "arn:aws:kms:eu-central-1:123456789012:key/data"
SERVER = RdsServer(
    vpc_id="vpc-1",
    subnet_ids=["subnet-a", "subnet-b"],
    client_security_group_ids=("sg-nodes", "sg-gpu-nodes"),
    kms_key_arn=KEY,
    tags={"stack": "prod"},
)
