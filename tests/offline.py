"""Tests that run offline: no real account, no real network, and moto in place before any client is made."""

import os
from functools import cache

os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "usher",
    # Matrices are small here: threads would only wait for each other, longer on a busier machine.
    "OPENBLAS_NUM_THREADS": "1",
}

import botocore.session
import botocore.useragent
import moto  # noqa: F401
from hypothesis import settings

# One loader for all sessions: each would read the models of the services anew.
vars(botocore.session)["create_loader"] = cache(botocore.session.create_loader)

# Each request would make the same header twice.
setattr(botocore.useragent.UserAgentString, "to_string", lambda _: "tests")  # noqa: B010 - mypy: a method

# The same examples in every run, without a deadline; tests/unit/fuzz looks for new ones.
settings.register_profile("quick", max_examples=50, derandomize=True, deadline=None)
settings.load_profile("quick")
