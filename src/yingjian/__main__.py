"""``python -m yingjian`` is the ``yingjian`` command."""

from config.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
