/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See progress.h. The thread's reason: a call that blocks gives no turn to say that it still does. */
#include "hamon/hamonctl/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_S = 1, AWAY_S = 30 /* where nobody sits at a terminal */, LINE_SIZE = 256, WIDTH = 80 };

static struct {
        pthread_mutex_t lock;
        pthread_cond_t ended;
        pthread_t thread;
        bool runs, over, shown; /* shown: a line stands on the terminal */
        uint64_t began_s, told_s;
        char what[LINE_SIZE / 2], at[LINE_SIZE / 2];
} p = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t now_s(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec;
}

static int width(void)
{
        struct winsize size;
        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH;
}

/* With the lock. */
static void draw(uint64_t now)
{
        char line[2 * LINE_SIZE];
        bool terminal = isatty(STDERR_FILENO);
        if (!terminal && now - p.told_s < AWAY_S)
                return;
        p.told_s = now;
        (void)snprintf(line, sizeof line, "hamonctl: %s%s%s, %llu s so far", p.what, *p.at ? ": " : "", p.at, (unsigned long long)(now - p.began_s)); /* fits */
        if (terminal)
                fprintf(stderr, "\r\033[K%.*s", width() - 1, line); /* a line that wraps could not be taken back */
        else
                fprintf(stderr, "%s\n", line);
        fflush(stderr);
        p.shown = terminal;
}

static void *watch(void *unused)
{
        (void)unused;
        pthread_mutex_lock(&p.lock);
        while (!p.over) {
                struct timespec until;
                (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
                until.tv_sec += FIRST_S;
                if (pthread_cond_timedwait(&p.ended, &p.lock, &until) != 0 && !p.over)
                        draw(now_s());
        }
        pthread_mutex_unlock(&p.lock);
        return NULL;
}

void progress_begin(const char *format, ...)
{
        va_list args;
        pthread_condattr_t attributes;
        pthread_mutex_lock(&p.lock);
        va_start(args, format);
        (void)vsnprintf(p.what, sizeof p.what, format, args); /* may be cut */
        va_end(args);
        bool begins = !p.runs;
        if (begins) {
                p.over = p.shown = false;
                p.at[0] = '\0';
                p.began_s = p.told_s = now_s();
                pthread_condattr_init(&attributes);
                (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* cannot fail for this clock */
                pthread_cond_init(&p.ended, &attributes);
                pthread_condattr_destroy(&attributes);
                p.runs = pthread_create(&p.thread, NULL, watch, NULL) == 0; /* without it nothing is said, and all else is done */
        }
        pthread_mutex_unlock(&p.lock);
}

void progress_at(const char *step)
{
        pthread_mutex_lock(&p.lock);
        (void)snprintf(p.at, sizeof p.at, "%s", step); /* may be cut */
        pthread_mutex_unlock(&p.lock);
}

void progress_amount(const char *step, double percent, uint64_t rate_kib, uint64_t eta_s)
{
        char text[LINE_SIZE / 2];
        if (rate_kib)
                (void)snprintf(text, sizeof text, "%.40s%s%.1f %%, %.1f MiB/s, done in %llu s", step, *step ? ", " : "", percent, (double)rate_kib / 1024, (unsigned long long)eta_s); /* fits */
        else
                (void)snprintf(text, sizeof text, "%.40s%s%.1f %%", step, *step ? ", " : "", percent); /* fits */
        progress_at(text);
}

void progress_end(void)
{
        pthread_mutex_lock(&p.lock);
        bool runs = p.runs;
        p.over = true;
        if (runs)
                pthread_cond_signal(&p.ended);
        pthread_mutex_unlock(&p.lock);
        if (!runs)
                return;
        (void)pthread_join(p.thread, NULL);
        pthread_cond_destroy(&p.ended);
        p.runs = false;
        if (p.shown)
                fputs("\r\033[K", stderr);
        fflush(stderr);
}
