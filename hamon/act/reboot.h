/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a deposed primary: reboot at once, without sync and without stopping anything, so that writes which wait
 * never complete towards an application (DESIGN 3.5). Returns only when the kernel refused both ways. Main loop.
 *
 * sysrq first: reboot(2) runs md's reboot notifier, which waits for the very writes that are stuck.
 */
#ifndef HAMON_ACT_REBOOT_H
#define HAMON_ACT_REBOOT_H

int reboot_now(void);

#endif
