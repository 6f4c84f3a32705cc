/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cluster key: making one, and changing from one to the other. On the files alone; hamon need not run. */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/net/seal.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the packages made a group hamon, it may read the file; elsewhere whoever runs this runs hamon, too. */
int give_to_hamon(const char *path)
{
        const struct group *g = getgrnam("hamon");
        if (!g || geteuid() != 0)
                return 0;
        return chown(path, (uid_t)-1, g->gr_gid) < 0 || chmod(path, 0640) < 0 ? -errno : 0;
}

int verb_key_generate(const struct command_line *c, const char *path)
{
        int r = seal_key_generate(path);
        if (r == -EEXIST)
                fprintf(stderr, "hamonctl: '%s' is already there and stays as it is; remove it first if nobody uses it\n", path);
        else if (r < 0)
                fprintf(stderr, "hamonctl: cannot make '%s': %s\n", path, strerrordesc_np(-r));
        else if (r == 0 && give_to_hamon(path) < 0)
                fprintf(stderr, "hamonctl: '%s' is made, but only root can read it: chgrp hamon and chmod 0640 it\n", path);
        else
                return out_done(c, json_pack("{s:s}", "file", path), "%s: new cluster key; copy it to the other machines, readable by hamon and root only", path);
        return r < 0 ? EXIT_REFUSED : EXIT_DONE;
}

int verb_key_swap(const struct command_line *c, const char *path)
{
        char also[PATH_MAX];
        const char *which = path;
        int r = seal_key_also(path, also, sizeof also);
        if (r == 0)
                r = seal_key_swap(path, also, &which);
        if (r == -ENOENT && which == also)
                fprintf(stderr, "hamonctl: there is no '%s': copy the new key there on all machines and have hamon read it (systemctl reload hamon), then swap; nothing was changed\n", also);
        else if (r < 0 && !which)
                fprintf(stderr, "hamonctl: '%s' and '%s' have changed places, but not for sure on the disk: %s; look at it, and which of the two is which, before you go on\n", path, also, strerrordesc_np(-r));
        else if (r < 0)
                fprintf(stderr, "hamonctl: '%s' and '%s' do not change places: %s: %s\n", path, also, which, r == -EBADMSG ? "not 64 hex digits" : strerrordesc_np(-r));
        else
                return out_done(c, json_pack("{s:s}", "file", path), "%s and %s have changed places; 'systemctl reload hamon' has hamon use the first and accept both", path, also);
        return EXIT_REFUSED;
}
