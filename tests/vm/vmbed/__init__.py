# SPDX-License-Identifier: LGPL-2.1-or-later
"""The VM test bed. Tests begin with

    sys.path.insert(0, os.path.join(TOP, "tests/vm"))
    from vmbed import Trio
"""

from .agent import GuestError, GuestTimeout
from .trio import Trio
from .vm import CommandFailed, Vm

__all__ = ["CommandFailed", "GuestError", "GuestTimeout", "Trio", "Vm"]
