"""Runs: one at a time per group, each with a record; notifications and metrics.

May import: formats, reports, resources, storage.

The words of a run, in the order in which they come up:

drop        a file that is put into a group's folder; it starts an execution
task        a request that is no file, such as a training; people and schedules start an execution with it
execution   of the pipeline; it holds the group's lock, and makes a further run if something came up during the last one
run         one plan and what is done about it; its files and its record are in `<group>/out/runs/<run>/`
step        what the state machine calls a function for; it may be repeated
stage       what `reconcile` works on: import, train, export, delete
pass        one call of `reconcile` in a stage: it compares all that is desired with what exists, and acts
pin         a version that a person has chosen to serve
"""
