"""`python -m usher_local.cloud`: the local cloud in the foreground, until Ctrl-C."""

import argparse

from usher_local.cloud.foreground import add_options, leave, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m usher_local.cloud", description=__doc__)
    add_options(parser)
    leave(run(parser.parse_args()))
