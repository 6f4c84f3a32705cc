/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the other machines say, beside what this one says, and where else to ask; from a cluster_json(). */
#include "hamon/api/status_html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_machine_heads(FILE *to, const json_t *cluster)
{
        const json_t *view;
        size_t i;
        fputs("<table><tr><th>About", to);
        json_array_foreach(json_object_get(cluster, "views"), i, view)
        {
                fputs("<th>", to);
                html_put(to, html_text(view, "node"));
        }
        fputc('\n', to);
}

/* Each value that is not the same everywhere, with a column for each machine. */
void put_disagreements(FILE *to, const json_t *cluster)
{
        const json_t *d, *line, *view;
        size_t i, k, v;
        if (json_array_size(json_object_get(cluster, "disagreements")) == 0)
                return;
        fputs("<section><h2>Where the machines differ</h2>\n", to);
        json_array_foreach(json_object_get(cluster, "disagreements"), i, d)
        {
                fputs("<p>", to);
                html_put(to, html_text(d, "mirror"));
                fputs(*html_text(d, "mirror") ? ": " : "", to);
                html_put(to, html_text(d, "sentence"));
                fputs(".\n", to);
                put_machine_heads(to, cluster);
                json_array_foreach(json_object_get(d, "lines"), k, line)
                {
                        fputs("<tr><th>", to);
                        html_put(to, html_text(line, "what"));
                        json_array_foreach(json_object_get(cluster, "views"), v, view)
                        {
                                const char *said = html_text(json_object_get(line, "said"), html_text(view, "node"));
                                html_cell(to, *said ? said : "\u2013");
                        }
                        fputc('\n', to);
                }
                fputs("</table>\n", to);
        }
        fputs("</section>\n", to);
}

static void put_sentence(FILE *to, const json_t *status, const json_t *m)
{
        const char *primary = html_text(json_object_get(m, "record"), "primary");
        bool votes = strcmp(html_text(json_object_get(m, "reason"), "code"), "none") == 0;
        (void)status;
        fputs(votes ? "the last decision names " : "", to);
        html_put(to, !votes ? html_text(json_object_get(m, "reason"), "sentence") : *primary ? primary : "no node");
}

static void put_active(FILE *to, const json_t *status, const json_t *m)
{
        (void)status;
        const char *primary = html_text(json_object_get(m, "record"), "primary");
        html_put(to, *primary ? primary : "none");
}

static void put_epoch(FILE *to, const json_t *status, const json_t *m)
{
        (void)status;
        html_put(to, html_text(json_object_get(m, "record"), "epoch"));
}

static void put_version(FILE *to, const json_t *status, const json_t *m)
{
        (void)status;
        html_put(to, html_text(json_object_get(m, "record"), "version"));
}

static void put_in_sync(FILE *to, const json_t *status, const json_t *m)
{
        (void)status;
        const json_t *leg;
        size_t i;
        const char *between = "";
        json_array_foreach(json_object_get(m, "legs"), i, leg)
                if (html_is(leg, "in_sync")) {
                        fputs(between, to);
                        html_put(to, html_text(leg, "node"));
                        between = " and ";
                }
        fputs(*between ? "" : "none", to);
}

static void put_role(FILE *to, const json_t *status, const json_t *m)
{
        const char *role = html_text(m, "role");
        bool votes = strcmp(html_text(json_object_get(status, "node"), "kind"), "witness") == 0;
        html_put(to, votes ? "the witness" : strcmp(role, "primary") == 0 ? "active" : role);
}

static void put_hears(FILE *to, const json_t *status, const json_t *m)
{
        const json_t *node;
        size_t i;
        const char *between = "";
        (void)m;
        json_array_foreach(json_object_get(status, "nodes"), i, node)
                if (html_is(node, "alive") && !html_is(node, "self")) {
                        fputs(between, to);
                        html_put(to, html_text(node, "name"));
                        between = " and ";
                }
        fputs(*between ? "" : "nobody", to);
}

static void put_config_hash(FILE *to, const json_t *status, const json_t *m)
{
        (void)m;
        html_put(to, html_text(json_object_get(status, "node"), "config_hash"));
}

static void put_hamon_version(FILE *to, const json_t *status, const json_t *m)
{
        (void)m;
        html_put(to, html_text(json_object_get(status, "node"), "version"));
}

static void put_age(FILE *to, const json_t *view)
{
        const json_t *age = json_object_get(view, "age_ms");
        if (html_is(view, "self"))
                fputs("now", to);
        else if (json_is_integer(age))
                fprintf(to, "%" JSON_INTEGER_FORMAT " s ago%s", json_integer_value(age) / 1000, html_is(view, "fresh") ? "" : ", OLD");
        else
                fputs("never", to);
}

/* Line by line, as on the page: shown when they differ, or one of them is silent. */
void put_views(FILE *to, const json_t *cluster)
{
        static const struct {
                const char *what;
                void (*put)(FILE *to, const json_t *status, const json_t *mirror);
        } lines[] = {{"Says", put_sentence}, {"Active node", put_active}, {"Epoch", put_epoch}, {"Version of the record", put_version}, {"Legs in sync", put_in_sync}, {"Is itself", put_role}, {"Hears", put_hears},
                     {"Config", put_config_hash}, {"hamon", put_hamon_version}};
        const json_t *views = json_object_get(cluster, "views"), *own = NULL, *view, *mirror;
        size_t v, m;
        if (json_array_size(json_object_get(cluster, "disagreements")) == 0 && html_is(cluster, "complete"))
                return;
        json_array_foreach(views, v, view)
                own = html_is(view, "self") ? view : own;
        json_array_foreach(json_object_get(json_object_get(own, "status"), "mirrors"), m, mirror)
        {
                fputs("<section><h2>What each machine says about ", to);
                html_put(to, html_text(mirror, "name"));
                fputs("</h2>\n", to);
                put_machine_heads(to, cluster);
                for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                        fprintf(to, "<tr><th>%s", lines[i].what);
                        json_array_foreach(views, v, view)
                        {
                                const json_t *theirs = status_mirror(json_object_get(view, "status"), html_text(mirror, "name"));
                                fputs("<td class=\"text\">", to);
                                if (theirs)
                                        lines[i].put(to, json_object_get(view, "status"), theirs);
                                else
                                        fputs("\u2013", to);
                        }
                        fputc('\n', to);
                }
                fputs("<tr><th>Told", to);
                json_array_foreach(views, v, view)
                {
                        fputs("<td>", to);
                        put_age(to, view);
                }
                fputs(HTML_TABLE_END, to);
        }
}

static const struct config_voter *voter_at(const struct config *config, const struct config_address *a)
{
        for (unsigned v = 0; v < VOTERS; v++)
                for (unsigned i = 0; i < config->voters[v].links; i++)
                        if (strcmp(config->voters[v].link[i].text, a->text) == 0)
                                return &config->voters[v];
        return NULL;
}

/* For when this machine does not answer any more. */
void put_other_pages(FILE *to, const struct config *config, uint8_t self)
{
        const char *before = "Without this node, open: ";
        for (unsigned i = 0; i < config->api.listens; i++) {
                const struct config_api_listen *l = &config->api.listen[i];
                const struct config_voter *v = voter_at(config, &l->address);
                if (!v || v == &config->voters[self])
                        continue;
                bool v6 = strchr(l->address.text, ':') != NULL;
                fputs(before, to);
                html_put(to, v->name);
                fprintf(to, ", <a href=\"https://%s%s%s:%u/status\">%s</a>", v6 ? "[" : "", l->address.text, v6 ? "]" : "", l->port, l->address.text);
                before = "; ";
        }
        fputs(*before == ';' ? ". " : "", to);
}
