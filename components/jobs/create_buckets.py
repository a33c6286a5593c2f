"""Creates missing buckets and sets the policy of each; idempotent."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from components.jobs.wait import NotReadyError, until_answered


def create(client: Any, buckets: dict[str, Any]) -> list[str]:
    """Create missing buckets, set every bucket's policy and return the names of the new ones.

    Args:
        client: a boto3 S3 client of the store's administrator.
        buckets: policy document by bucket.
    """
    created: list[str] = []

    def once() -> None:
        present = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        for name in sorted(set(buckets) - present):
            client.create_bucket(Bucket=name)
            created.append(name)
        for name, policy in buckets.items():
            client.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))

    # All of it: a new pod's first connection can come before its network policies, and the second be refused.
    until_answered(once, what="the object store", retry_on=BotoCoreError)
    return created


def main() -> int:
    """Create what is missing in the store that the environment names, and print the result."""
    credentials = Path(os.environ["CREDENTIALS_FOLDER"])
    client: Any = boto3.client(  # pyright: ignore[reportUnknownMemberType]
        "s3",
        endpoint_url=os.environ["OBJECT_STORE_URL"],
        aws_access_key_id=(credentials / "access-key").read_text(),
        aws_secret_access_key=(credentials / "secret-key").read_text(),
        config=Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 1}),
    )
    buckets = json.loads(Path(os.environ["BUCKETS_FILE"]).read_text())
    try:
        created = create(client, buckets)
    except NotReadyError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"{len(buckets)} buckets, created: {', '.join(created) or 'none'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
