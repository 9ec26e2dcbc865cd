"""EventBridge and its Scheduler: what happened, the rules that match it, and deliveries to targets.

May import: access, core, services.
"""
