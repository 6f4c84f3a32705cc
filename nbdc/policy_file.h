/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RUNDIR/nbdN.policy: the policy that was set while the device was attached, so that an nbdc which takes it over keeps
 * to it rather than to its command line. It lives as long as the attach; losing it with the machine is right, for the
 * attach is lost as well.
 */
#ifndef NBDD_NBDC_POLICY_FILE_H
#define NBDD_NBDC_POLICY_FILE_H

#include "nbdc/nbdc_client.h"

/* 0 or -errno. Atomic; does not wait for a disk (RUNDIR is in memory). */
int policy_file_write(int index, enum nbdc_policy policy);
/* -ENOENT: none was set. */
int policy_file_read(int index, enum nbdc_policy *ret);
void policy_file_remove(int index);

#endif
