"""The local AWS: the unchanged SAM template on moto, SAM CLI's API server and AWS's Lambda runtime emulator.

This module imports nothing: `python -m usher_local.cloud` can say what it does, and be stopped, while the rest loads.

May import: personalize.
"""
