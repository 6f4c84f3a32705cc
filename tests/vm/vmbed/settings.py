# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the bed keeps things and the knobs of its machines.

Every knob that a developer or a CI machine may need to turn is an environment variable that is read here and nowhere else.
"""

import os
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
GUEST_TREE = TOP / "tests/vm/guest"
DEB_DIR = Path(os.environ.get("NBDD_VM_DEBS", TOP / "build/deb"))

# Images, run directories and the state of `bed up` live here.
WORK = Path(os.environ.get("NBDD_VM_DIR", TOP / "build/vm"))

# The accelerator as QEMU spells it; "kvm" where /dev/kvm works with a Debian kernel.
ACCEL = os.environ.get("NBDD_VM_ACCEL", "tcg,thread=multi")
CPU = os.environ.get("NBDD_VM_CPU", "max")
NODE_MIB = int(os.environ.get("NBDD_VM_NODE_MIB", "1024"))
WITNESS_MIB = int(os.environ.get("NBDD_VM_WITNESS_MIB", "256"))
DATA_MIB = int(os.environ.get("NBDD_VM_DATA_MIB", "256"))
ROOT_MIB = int(os.environ.get("NBDD_VM_ROOT_MIB", "3072"))

# The guest's kernel, see kernel.py: empty (Debian 12's own, 6.1), a backported version such as "6.12", "newest", or a Debian package by its name.
KERNEL = os.environ.get("NBDD_VM_KERNEL", os.environ.get("KERNEL", ""))
# The package mirror (empty: mmdebstrap's own default).
MIRROR = os.environ.get("NBDD_VM_MIRROR", "")

# Multiplies every time-out of the bed itself, for machines slower than two cores without KVM.
PATIENCE = float(os.environ.get("NBDD_VM_PATIENCE", "1"))
BOOT_TIMEOUT_S = 180 * PATIENCE
# What the guest agent may take beyond the time that the command itself was given.
AGENT_GRACE_S = 15 * PATIENCE
