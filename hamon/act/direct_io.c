/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/direct_io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOUNCE_BYTES (256u << 10)

int direct_open(const char *path, bool write)
{
        int fd = open(path, (write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int direct_size_bytes(int fd, uint64_t *ret)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISBLK(st.st_mode)) {
                *ret = (uint64_t)st.st_size;
                return 0;
        }
        return ioctl(fd, BLKGETSIZE64, ret) < 0 ? -errno : 0;
}

static void *bounce_new(void)
{
        return aligned_alloc(DIRECT_BLOCK, BOUNCE_BYTES);
}

int direct_read(int fd, uint64_t offset_bytes, void *to, size_t size_bytes)
{
        uint8_t *out = to, *bounce = bounce_new();
        int r = bounce ? 0 : -ENOMEM;

        while (r == 0 && size_bytes > 0) {
                uint64_t start = offset_bytes & ~(uint64_t)(DIRECT_BLOCK - 1);
                size_t skip = (size_t)(offset_bytes - start), want = skip + size_bytes;
                want = want > BOUNCE_BYTES ? BOUNCE_BYTES : (want + DIRECT_BLOCK - 1) & ~(size_t)(DIRECT_BLOCK - 1);
                ssize_t n = pread(fd, bounce, want, (off_t)start);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= (ssize_t)skip) {
                        r = n < 0 ? -errno : -EIO;
                        break;
                }
                size_t got = (size_t)n - skip < size_bytes ? (size_t)n - skip : size_bytes;
                memcpy(out, bounce + skip, got);
                out += got;
                offset_bytes += got;
                size_bytes -= got;
        }
        free(bounce);
        return r;
}

static int write_blocks(int fd, uint64_t offset_bytes, const void *from, size_t size_bytes)
{
        const uint8_t *in = from;
        uint8_t *bounce = bounce_new();
        int r = bounce ? 0 : -ENOMEM;

        assert(offset_bytes % DIRECT_BLOCK == 0 && size_bytes % DIRECT_BLOCK == 0);
        while (r == 0 && size_bytes > 0) {
                size_t part = size_bytes < BOUNCE_BYTES ? size_bytes : BOUNCE_BYTES;
                if (in)
                        memcpy(bounce, in, part);
                else
                        memset(bounce, 0, part);
                ssize_t n = pwrite(fd, bounce, part, (off_t)offset_bytes);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        r = -errno;
                else if (n == 0 || (size_t)n % DIRECT_BLOCK != 0)
                        r = -EIO;
                if (r < 0)
                        break;
                offset_bytes += (uint64_t)n;
                size_bytes -= (size_t)n;
                in = in ? in + n : NULL;
        }
        free(bounce);
        return r;
}

int direct_write(int fd, uint64_t offset_bytes, const void *from, size_t size_bytes)
{
        assert(from);
        return write_blocks(fd, offset_bytes, from, size_bytes);
}

int direct_zero(int fd, uint64_t offset_bytes, size_t size_bytes)
{
        return write_blocks(fd, offset_bytes, NULL, size_bytes);
}

int direct_flush(int fd)
{
        return fsync(fd) < 0 ? -errno : 0;
}
