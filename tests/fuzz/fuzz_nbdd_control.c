/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control API behind its HTTP server: requests, each a line "METHOD PATH JSON", against a real engine with files of its own. Whatever is asked, every
 * answer is either a body or a problem with a code and a sentence, the table can be read back from the disk, and all of it can be taken away again.
 * Every "device" is one of three files of the target's own, so that no run touches anything of the machine.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nbdd/control_internal.h"
#include "nbdd/engine.h"
#include "nbdd/engine_internal.h"
#include "nbdd/store.h"
#include "net/http_server.h"

#define REQUESTS_MAX 24u
#define LEFT_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], state_dir[96];
static struct control control;

static void clean_up(void)
{
        char command[128];

        engine_shutdown(control.engine);
        engine_free(control.engine);
        (void)snprintf(command, sizeof command, "rm -rf %s", folder);
        (void)!system(command);
}

static void set_up(void)
{
        char path[96], reason[ENGINE_REASON_SIZE];

        (void)strcpy(folder, "/dev/shm/nbdd-fuzz-XXXXXX");
        assert(mkdtemp(folder));
        for (unsigned i = 0; i < 3; i++) {
                (void)snprintf(path, sizeof path, "%s/disk%u", folder, i);
                int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                assert(fd >= 0 && ftruncate(fd, 1 << 20) == 0 && close(fd) == 0);
        }
        (void)snprintf(state_dir, sizeof state_dir, "%s/state", folder);
        assert(engine_new(state_dir, &control.engine, reason, sizeof reason) == 0);
        assert(engine_start(control.engine) == 0);
        (void)atexit(clean_up);
}

/* The device that is asked for becomes one of ours. */
static void confine(json_t *body)
{
        const char *device = json_string_value(json_object_get(body, "device"));
        char path[96];

        if (!device)
                return;
        (void)snprintf(path, sizeof path, "%s/disk%zu", folder, strlen(device) % 4); /* disk3 does not exist */
        (void)json_object_set_new(body, "device", json_string(path));
}

static void check_answer(int r, const struct http_response *resp)
{
        assert(r == 0);
        if (resp->status >= 400) {
                assert(json_is_object(resp->json));
                assert(*json_string_value(json_object_get(resp->json, "code")));
                assert(*json_string_value(json_object_get(resp->json, "title")));
        } else {
                assert((resp->status == 204) == !resp->json);
        }
}

static void request(const char *method, const char *path, json_t *body)
{
        struct http_request req = {.method = method, .path = path, .body = body, .peer = {.known = true, .uid = geteuid()}};
        struct http_response resp = {0};

        check_answer(control_handle(&control, &req, &resp), &resp);
        http_response_release(&resp);
}

/* One line; it is writable. */
static void line(char *text)
{
        char *path = strchr(text, ' '), *json;
        json_t *body = NULL;

        if (!path)
                return;
        *path++ = '\0';
        json = strchr(path, ' ');
        if (json) {
                *json++ = '\0';
                body = json_loads(json, JSON_REJECT_DUPLICATES, NULL); /* as the HTTP server reads it */
        }
        confine(body);
        request(text, path, body);
        json_decref(body);
}

struct left {
        uint64_t ids[LEFT_MAX];
        size_t count;
};

static void note_left(void *userdata, const struct engine_export_view *view)
{
        struct left *l = userdata;

        if (l->count < LEFT_MAX)
                l->ids[l->count++] = view->export->id;
}

static void take_all_away(void)
{
        char reason[ENGINE_REASON_SIZE];
        struct left left = {0};

        engine_visit(control.engine, 0, &(struct engine_visitor){.export = note_left, .userdata = &left});
        for (size_t i = 0; i < left.count; i++) {
                (void)engine_export_stop(control.engine, left.ids[i], reason);
                (void)engine_revoke(control.engine, left.ids[i], reason);
                assert(engine_remove(control.engine, left.ids[i], reason) == 0);
        }
}

/* A restart would read what was accepted. */
static void check_files(void)
{
        char path[128], reason[256] = "";
        struct stored_table t;
        struct stored_grants g;

        (void)snprintf(path, sizeof path, "%s/exports", state_dir);
        assert(store_read_table(path, &t, reason, sizeof reason) == 0);
        stored_table_release(&t);
        (void)snprintf(path, sizeof path, "%s/grants", state_dir);
        assert(store_read_grants(path, &g, reason, sizeof reason) == 0);
        stored_grants_release(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1), *rest = text, *one;

        assert(text);
        if (size)
                memcpy(text, data, size);
        text[size] = '\0';
        if (!control.engine)
                set_up();
        for (unsigned n = 0; n < REQUESTS_MAX && (one = strsep(&rest, "\n")); n++)
                line(one);
        request("GET", "/v1/exports", NULL);
        check_files();
        take_all_away();
        free(text);
        return 0;
}
