"""EventBridge and its Scheduler: event sources, rules, schedules, and deliveries to targets.

May import: access, core, services.
"""
