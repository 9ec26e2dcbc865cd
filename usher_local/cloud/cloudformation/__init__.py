"""CloudFormation: templates, stacks and change sets, and the providers of each type of resource.

May import: access, core, http_api, state.
"""

from functools import cache

from botocore.loaders import JSONFileLoader

from usher_local.cloud.core.patching import replaced

# moto's CloudFormation imports its EC2, which makes three sessions to list EC2's regions; each would read 3 MB.
_read_once = cache(JSONFileLoader().load_file)
with replaced(JSONFileLoader, "load_file", lambda _, path: _read_once(path)):
    import moto.ec2  # noqa: F401
_read_once.cache_clear()
