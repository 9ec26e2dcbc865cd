"""CloudFormation: templates, stacks and change sets, and how each type of resource is made.

May import: access, core, http_api, state.
"""
