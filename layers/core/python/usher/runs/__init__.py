"""Runs: one at a time per group, each with a record; notifications and metrics.

May import: formats, reports, resources, storage.

The terms of a run, in the order in which they occur:

    drop        a file that is put into a group's folder; it starts an execution
    task        a request other than a file, such as a training; people and schedules start an execution with it
    execution   of the pipeline; it holds the group's lock, and makes a further run for later requests
    run         one plan and its execution; its files and its record are in `<group>/out/runs/<run>/`
    step        one call of a function by the state machine; it may be repeated
    stage       a part of the work of `reconcile`: import, train, export, delete
    pass        one call of `reconcile` in a stage: it compares the desired resources with the existing ones, and acts
    pin         a version that a person has chosen to serve
"""
