/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <linux/nbd-netlink.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "nbdc/limits.h"

struct netlink {
        struct nl_sock *socket;
        int family;
};

struct netlink_events {
        struct nl_sock *socket;
        void (*on_dead)(void *userdata, int index);
        void *userdata;
};

/* libnl's own codes, where the kernel's errno is not known. */
static int from_nle(int rc)
{
        switch (-rc) {
        case NLE_OBJ_NOTFOUND:
                return -ENOENT;
        case NLE_PERM:
                return -EPERM;
        case NLE_NOMEM:
                return -ENOBUFS;
        case NLE_AGAIN:
                return -EAGAIN;
        default:
                return rc < 0 ? -EIO : rc;
        }
}

int netlink_open(struct netlink **ret)
{
        struct netlink *nl = calloc(1, sizeof *nl);
        if (!nl)
                return -ENOMEM;
        int rc = -ENOMEM;
        nl->socket = nl_socket_alloc();
        if (!nl->socket)
                goto fail;
        rc = from_nle(genl_connect(nl->socket));
        if (rc < 0)
                goto fail;
        nl->family = genl_ctrl_resolve(nl->socket, NBD_GENL_FAMILY_NAME);
        if (nl->family < 0) {
                rc = from_nle(nl->family);
                goto fail;
        }
        *ret = nl;
        return 0;
fail:
        netlink_free(nl);
        return rc;
}

void netlink_free(struct netlink *nl)
{
        if (!nl)
                return;
        nl_socket_free(nl->socket);
        free(nl);
}

int netlink_socket_fd(const struct netlink *nl)
{
        return nl_socket_get_fd(nl->socket);
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *argument)
{
        (void)from;
        *(int *)argument = error->error < 0 ? error->error : -EIO;
        return NL_STOP;
}

static int on_ack(struct nl_msg *message, void *argument)
{
        (void)message;
        *(int *)argument = 0;
        return NL_STOP;
}

/* Sends and waits for the acknowledgement, which carries the kernel's errno. Takes the message. */
static int transact(struct netlink *nl, struct nl_msg *message)
{
        int result = 1; /* neither acknowledged nor refused yet */
        struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
        if (!cb) {
                nlmsg_free(message);
                return -ENOMEM;
        }
        nl_cb_err(cb, NL_CB_CUSTOM, on_error, &result);
        nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &result);
        int rc = nl_send_auto(nl->socket, message);
        while (rc >= 0 && result == 1)
                rc = nl_recvmsgs(nl->socket, cb);
        nl_cb_put(cb);
        nlmsg_free(message);
        return result != 1 ? result : from_nle(rc);
}

static struct nl_msg *message_new(struct netlink *nl, uint8_t command, int index)
{
        struct nl_msg *message = nlmsg_alloc();
        if (!message)
                return NULL;
        if (!genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, 0, command, NBD_GENL_VERSION) ||
            nla_put_u32(message, NBD_ATTR_INDEX, (uint32_t)index) < 0) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

static bool put_sockets(struct nl_msg *message, const struct link_set *links)
{
        struct nlattr *list = nla_nest_start(message, NBD_ATTR_SOCKETS);
        for (unsigned i = 0; i < links->count; i++) {
                struct nlattr *item = list ? nla_nest_start(message, NBD_SOCK_ITEM) : NULL;
                if (!item || nla_put_u32(message, NBD_SOCK_FD, (uint32_t)links->fds[i]) < 0)
                        return false;
                nla_nest_end(message, item);
        }
        if (!list)
                return false;
        nla_nest_end(message, list);
        return true;
}

int netlink_connect(struct netlink *nl, const struct netlink_device *d)
{
        struct nl_msg *m = message_new(nl, NBD_CMD_CONNECT, d->index);
        if (!m)
                return -ENOMEM;
        if (nla_put_u64(m, NBD_ATTR_SIZE_BYTES, d->size_bytes) < 0 ||
            nla_put_u64(m, NBD_ATTR_BLOCK_SIZE_BYTES, d->block_bytes) < 0 ||
            nla_put_u64(m, NBD_ATTR_SERVER_FLAGS, d->server_flags) < 0 ||
            nla_put_u64(m, NBD_ATTR_DEAD_CONN_TIMEOUT, NBDC_DEAD_CONN_TIMEOUT_S) < 0 ||
            nla_put_string(m, NBD_ATTR_BACKEND_IDENTIFIER, d->backend) < 0 || !put_sockets(m, &d->links)) {
                nlmsg_free(m);
                return -ENOMEM;
        }
        return transact(nl, m);
}

int netlink_reconfigure(struct netlink *nl, int index, const char *backend, const struct link_set *links)
{
        struct nl_msg *m = message_new(nl, NBD_CMD_RECONFIGURE, index);
        if (!m)
                return -ENOMEM;
        /* No SIZE, no BLOCK_SIZE: a changed size can deadlock with requests in flight. */
        if (nla_put_u64(m, NBD_ATTR_TIMEOUT, 0) < 0 ||
            nla_put_u64(m, NBD_ATTR_DEAD_CONN_TIMEOUT, NBDC_DEAD_CONN_TIMEOUT_S) < 0 ||
            nla_put_string(m, NBD_ATTR_BACKEND_IDENTIFIER, backend) < 0 || !put_sockets(m, links)) {
                nlmsg_free(m);
                return -ENOMEM;
        }
        return transact(nl, m);
}

int netlink_release(struct netlink *nl, int index, const char *backend)
{
        struct nl_msg *m = message_new(nl, NBD_CMD_RECONFIGURE, index);
        if (!m)
                return -ENOMEM;
        if (nla_put_u64(m, NBD_ATTR_TIMEOUT, 1) < 0 || nla_put_string(m, NBD_ATTR_BACKEND_IDENTIFIER, backend) < 0) {
                nlmsg_free(m);
                return -ENOMEM;
        }
        return transact(nl, m);
}

int netlink_disconnect(struct netlink *nl, int index)
{
        struct nl_msg *m = message_new(nl, NBD_CMD_DISCONNECT, index);
        return m ? transact(nl, m) : -ENOMEM;
}

static int on_event(struct nl_msg *message, void *argument)
{
        struct netlink_events *ev = argument;
        struct nlattr *attrs[NBD_ATTR_MAX + 1];
        struct nlmsghdr *header = nlmsg_hdr(message);
        if (!genlmsg_valid_hdr(header, 0))
                return NL_SKIP;
        const struct genlmsghdr *genl = nlmsg_data(header);
        if (genl->cmd == NBD_CMD_LINK_DEAD && genlmsg_parse(header, 0, attrs, NBD_ATTR_MAX, NULL) == 0 &&
            attrs[NBD_ATTR_INDEX])
                ev->on_dead(ev->userdata, (int)nla_get_u32(attrs[NBD_ATTR_INDEX]));
        return NL_OK;
}

int netlink_events_open(struct netlink_events **ret)
{
        struct netlink_events *ev = calloc(1, sizeof *ev);
        if (!ev)
                return -ENOMEM;
        int rc = -ENOMEM, group;
        ev->socket = nl_socket_alloc();
        if (!ev->socket)
                goto fail;
        rc = from_nle(genl_connect(ev->socket));
        if (rc < 0)
                goto fail;
        group = genl_ctrl_resolve_grp(ev->socket, NBD_GENL_FAMILY_NAME, NBD_GENL_MCAST_GROUP_NAME);
        rc = from_nle(group);
        if (rc < 0)
                goto fail;
        nl_socket_disable_seq_check(ev->socket);
        rc = from_nle(nl_socket_add_membership(ev->socket, group));
        if (rc < 0)
                goto fail;
        rc = from_nle(nl_socket_set_nonblocking(ev->socket));
        if (rc < 0)
                goto fail;
        nl_socket_modify_cb(ev->socket, NL_CB_VALID, NL_CB_CUSTOM, on_event, ev);
        *ret = ev;
        return 0;
fail:
        netlink_events_free(ev);
        return rc;
}

void netlink_events_free(struct netlink_events *ev)
{
        if (!ev)
                return;
        nl_socket_free(ev->socket);
        free(ev);
}

int netlink_events_fd(const struct netlink_events *ev)
{
        return nl_socket_get_fd(ev->socket);
}

int netlink_events_read(struct netlink_events *ev, void (*on_dead)(void *userdata, int index), void *userdata)
{
        ev->on_dead = on_dead;
        ev->userdata = userdata;
        int rc = nl_recvmsgs_default(ev->socket);
        /* libnl reports ENOBUFS of the socket as NLE_NOMEM; nothing to read is no error. */
        return rc == -NLE_AGAIN ? 0 : from_nle(rc);
}
