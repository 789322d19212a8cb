"""``python -m clipstr``: the same as the ``clipstr`` command."""

from clipstr.cli.main import run

if __name__ == "__main__":
    run()
