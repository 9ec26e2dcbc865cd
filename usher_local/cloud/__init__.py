"""The local AWS: the unchanged SAM template on moto, SAM CLI's API server and AWS's Lambda runtime emulator.

This module imports nothing, so that `python -m usher_local.cloud` can show its help, and be stopped, while it loads.

May import: personalize.
"""
