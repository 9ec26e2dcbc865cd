"""The local AWS: the unchanged SAM template on moto, SAM CLI's API server and AWS's Lambda runtime emulator.

`from local.cloud.server import LocalCloud`; this module imports nothing, so that `python -m local.cloud` can speak and
be stopped while the rest is being imported.
"""
