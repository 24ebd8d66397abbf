#include "wire/frame.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static const uint32_t magic = 0x70636c31;

/* Room for one descriptor beside a message. */
union control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static bool send_all(int fd, const void *data, size_t n) {
    const char *at = data;
    while (n > 0) {
        const ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool pcl_frame_send(int fd, enum pcl_frame_kind kind, uint32_t number, const void *body,
                    size_t size, int pass) {
    pcl_frame head = {.magic = magic, .kind = kind, .number = number, .size = size};
    struct iovec part = {&head, sizeof head};
    union control control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (pass >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        *c = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(c), &pass, sizeof pass);
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent > 0 && send_all(fd, (char *)&head + sent, sizeof head - (size_t)sent) &&
           send_all(fd, body, size);
}

/* Takes the descriptor out of a message. */
static void keep_passed(struct msghdr *message, int *passed) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        int fd;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
            c->cmsg_len < CMSG_LEN(sizeof fd))
            continue;
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
        if (*passed >= 0)
            close(*passed);
        *passed = fd;
    }
}

static enum pcl_frame_got read_all(int fd, double limit_s, void *to, size_t n, int *passed) {
    char *at = to;
    while (n > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        const int got = poll(&ready, 1, limit_s > 0 ? (int)(limit_s * 1e3) + 1 : -1);
        if (got == 0)
            return PCL_FRAME_LATE;
        if (got < 0 && errno != EINTR)
            return PCL_FRAME_ENDED;
        if (got < 0)
            continue;
        struct iovec part = {at, n};
        union control control;
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        const ssize_t read = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        if (read < 0 && errno == EINTR)
            continue;
        if (read <= 0)
            return PCL_FRAME_ENDED;
        keep_passed(&message, passed);
        at += read;
        n -= (size_t)read;
    }
    return PCL_FRAME_OK;
}

enum pcl_frame_got pcl_frame_receive(int fd, double limit_s, pcl_frame *head, pcl_wire *body,
                                     int *passed) {
    int unwanted = -1, *fd_passed = passed ? passed : &unwanted;
    *fd_passed = -1;
    body->n = body->at = 0;
    body->bad = false;
    enum pcl_frame_got got = read_all(fd, limit_s, head, sizeof *head, fd_passed);
    if (got == PCL_FRAME_OK && (head->magic != magic || head->size > PCL_FRAME_LARGEST))
        got = PCL_FRAME_ENDED;
    unsigned char *to = got == PCL_FRAME_OK ? pcl_wire_room(body, (size_t)head->size) : NULL;
    if (got == PCL_FRAME_OK && !to)
        got = PCL_FRAME_NO_MEMORY;
    if (got == PCL_FRAME_OK)
        got = read_all(fd, limit_s, to, (size_t)head->size, fd_passed);
    body->n = got == PCL_FRAME_OK ? (size_t)head->size : 0;
    if (unwanted >= 0)
        close(unwanted);
    return got;
}
