// The other way to hand a frame to Python: a native thread that calls into the interpreter for each.
//
// A shared library for ctypes. `attached_run` is called on a thread of its own, without the
// interpreter's lock; it receives as the media engine does (one epoll set, recvmmsg, real-time
// priority where it may) and calls `frame(leg, sent)` for every datagram, which takes the lock;
// `sent` is the stamp of `native/sender.c`.
// The time each call took is the time during which this thread received nothing.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, MOST_BYTES = 2048, MOST_STALLS = 1 << 20 };
static int poll_set, *sockets;
static volatile int stopped;
static uint64_t datagrams;
static uint32_t stalls[MOST_STALLS];

static uint64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

// Opens sockets on loopback and tells their ports; 0, or -1 when that failed.
int attached_open(int legs, int room, int *ports) {
    poll_set = epoll_create1(0);
    sockets = calloc((size_t)legs, sizeof *sockets);
    for (int n = 0; n < legs; n++) {
        struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof here;
        sockets[n] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        setsockopt(sockets[n], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        if (bind(sockets[n], (struct sockaddr *)&here, sizeof here)) return -1;
        getsockname(sockets[n], (struct sockaddr *)&here, &length);
        ports[n] = ntohs(here.sin_port);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)n};
        epoll_ctl(poll_set, EPOLL_CTL_ADD, sockets[n], &event);
    }
    return 0;
}

// Receives until `attached_stop`.
void attached_run(void (*frame)(int leg, uint64_t sent)) {
    struct sched_param real_time = {.sched_priority = 1};
    pthread_setschedparam(pthread_self(), SCHED_RR, &real_time);
    static char bytes[BATCH][MOST_BYTES];
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    for (int n = 0; n < BATCH; n++) {
        parts[n] = (struct iovec){bytes[n], MOST_BYTES};
        messages[n].msg_hdr.msg_iov = &parts[n];
        messages[n].msg_hdr.msg_iovlen = 1;
    }
    struct epoll_event events[64];
    while (!stopped) {
        int ready = epoll_wait(poll_set, events, 64, 100);
        for (int n = 0; n < ready; n++) {
            uint32_t leg = events[n].data.u32;
            int got = recvmmsg(sockets[leg], messages, BATCH, MSG_DONTWAIT, NULL);
            for (int each = 0; each < got; each++) {
                uint64_t at = now(), sent;
                memcpy(&sent, bytes[each] + 8, sizeof sent);
                frame((int)leg, sent);
                uint64_t took = now() - at;
                stalls[datagrams++ % MOST_STALLS] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
            }
        }
    }
}

void attached_stop(void) { stopped = 1; }
uint64_t attached_datagrams(void) { return datagrams; }
const uint32_t *attached_stalls(void) { return stalls; }
