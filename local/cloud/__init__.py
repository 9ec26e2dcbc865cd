"""The local AWS: the unchanged SAM template on moto, SAM CLI's API server and AWS's Lambda runtime emulator."""

from local.cloud.server import LocalCloud, PortTakenError

__all__ = ["LocalCloud", "PortTakenError"]
