/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The open files of all slices. See shared_file.h. */
#include "nbdd/shared_file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list files = {&files, &files};

static unsigned long long device_of(const struct stat *st)
{
        return S_ISBLK(st->st_mode) ? st->st_rdev : st->st_dev;
}

/* A block device has many names, each with an inode of its own. */
static unsigned long long inode_of(const struct stat *st)
{
        return S_ISBLK(st->st_mode) ? 0 : st->st_ino;
}

struct shared_file *shared_file_find(const char *path, const struct stat *st, bool writable, bool direct)
{
        struct shared_file *found = NULL;

        (void)pthread_mutex_lock(&lock);
        list_each(f, &files, struct shared_file, link)
                if (f->device == device_of(st) && f->inode == inode_of(st) && (f->writable || !writable) && f->direct == direct &&
                    strcmp(f->path, path) == 0)
                        found = f;
        if (found)
                found->users++;
        (void)pthread_mutex_unlock(&lock);
        return found;
}

struct shared_file *shared_file_new(int fd, const char *path, const struct stat *st, bool writable, bool direct)
{
        struct shared_file *f = calloc(1, sizeof *f);

        char *copy = strdup(path);

        if (!f || !copy) {
                free(f);
                free(copy);
                (void)close(fd);
                return NULL;
        }
        *f = (struct shared_file){
            .path = copy, .device = device_of(st), .inode = inode_of(st), .writable = writable, .direct = direct, .users = 1, .fd = fd};
        (void)pthread_mutex_lock(&lock);
        list_append(&files, &f->link);
        (void)pthread_mutex_unlock(&lock);
        return f;
}

void shared_file_put(struct shared_file *f)
{
        if (!f)
                return;
        (void)pthread_mutex_lock(&lock);
        bool last = --f->users == 0;
        if (last)
                list_remove(&f->link);
        (void)pthread_mutex_unlock(&lock);
        if (!last)
                return;
        (void)close(f->fd); /* synced before where it matters; an error here has nobody to go to */
        free(f->path);
        free(f);
}
