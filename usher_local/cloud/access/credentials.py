"""Credentials: the local developer's key and the sessions of roles, all in moto's own IAM and STS."""

import json
import threading
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from usher_local.authorization import may_assume
from usher_local.store import Store

PARTITION = "aws"
REGION = "us-east-1"
KEY = "key"
"""The kind of the document with the developer's key."""
SESSION_SECONDS = 12 * 3600
MAKING_CLIENTS = threading.Lock()


def create_developer(store: Store | None = None) -> Credentials:
    """A user with all permissions and an access key, for the developer's requests.

    The key is new, or that of an earlier process with the same store.
    """
    iam = iam_backends[DEFAULT_ACCOUNT_ID][PARTITION]
    iam.create_user(REGION, "developer")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_user_policy("developer", "everything", json.dumps({"Version": "2012-10-17", "Statement": everything}))
    key = iam.create_access_key("developer")
    if store and (kept := store.rows(KEY)):
        [(_, (key.access_key_id, key.secret_access_key))] = kept
    elif store:
        store.put(KEY, "developer", [key.access_key_id, key.secret_access_key])
    return Credentials(key.access_key_id, key.secret_access_key)


def assume(role_arn: str, session: str, service: str, source: str | None = None) -> Credentials:
    """Credentials of a new session of a role, for a service that acts for the resource `source` (an ARN).

    PermissionError if the role's trust policy does not allow it.
    """
    check_trust(role_arn, service, source)
    key = sts_backends[DEFAULT_ACCOUNT_ID][PARTITION].assume_role(
        region_name=REGION,
        role_session_name=session[:64],
        role_arn=role_arn,
        policy=None,
        duration=SESSION_SECONDS,
        external_id=None,
    )
    return Credentials(key.access_key_id, key.secret_access_key, key.session_token)


def check_trust(role_arn: str, service: str, source: str | None) -> None:
    """Raise PermissionError unless a role's trust policy lets a service assume it for `source`."""
    if not may_assume(DEFAULT_ACCOUNT_ID, PARTITION, role_arn, service, source):
        raise PermissionError(f"{service} may not assume {role_arn} for {source}; does its trust policy let it?")


def find(access_key_id: str) -> tuple[Credentials, str] | None:
    """The credentials of an access key and the ARN of its holder, or None."""
    for session in sts_backends[DEFAULT_ACCOUNT_ID][PARTITION].assumed_roles:
        if session.access_key_id == access_key_id:
            return Credentials(access_key_id, session.secret_access_key, session.session_token), session.arn
    for user in iam_backends[DEFAULT_ACCOUNT_ID][PARTITION].users.values():
        for key in user.access_keys:
            if key.access_key_id == access_key_id and key.status == "Active":
                return Credentials(access_key_id, key.secret_access_key), user.arn
    return None


def client(service: str, endpoint: str, holder: Credentials, config: Config | None = None) -> Any:
    """A boto3 client of the local cloud."""
    with MAKING_CLIENTS:  # clients are thread-safe; sessions, which cache the files that botocore read, are not
        return own_session().client(
            service,
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id=holder.access_key,
            aws_secret_access_key=holder.secret_key,
            aws_session_token=holder.token,
            config=config,
        )


@cache
def own_session() -> Any:
    """The local cloud's own session, since a test may replace the default one."""
    return boto3.session.Session()
