// The floor under every receiver: takes datagrams with recvmmsg and does nothing with them.
//
//     floor SOCKETS RECEIVE_BUFFER
//
// One thread, one level-triggered epoll set, up to 64 datagrams a call into the same memory; no
// time stamps, no copies. Prints the ports, begins to count at the line `begin` and tells its
// counts at the line `end`, like every receiver of this folder.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, EVENTS = 256, MOST_BYTES = 2048 };

static double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int count, char **arguments) {
    if (count != 3) return fprintf(stderr, "floor SOCKETS RECEIVE_BUFFER\n"), 2;
    int sockets = atoi(arguments[1]), room = atoi(arguments[2]);
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    printf("ready");
    for (int n = 0; n < sockets; n++) {
        int sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof here;
        setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        if (sock < 0 || bind(sock, (struct sockaddr *)&here, sizeof here)) return perror("bind"), 1;
        getsockname(sock, (struct sockaddr *)&here, &length);
        event.data.fd = sock;
        epoll_ctl(poll, EPOLL_CTL_ADD, sock, &event);
        printf(" %d", ntohs(here.sin_port));
    }
    printf("\n");
    fflush(stdout);

    static char bytes[BATCH][MOST_BYTES];
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    for (int n = 0; n < BATCH; n++) {
        parts[n] = (struct iovec){bytes[n], MOST_BYTES};
        messages[n].msg_hdr.msg_iov = &parts[n];
        messages[n].msg_hdr.msg_iovlen = 1;
    }
    static struct epoll_event events[EVENTS];
    uint64_t datagrams = 0, wakes = 0;
    double began = 0;
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        wakes++;
        for (int n = 0; n < ready; n++) {
            if (events[n].data.fd != STDIN_FILENO) {
                int got = recvmmsg(events[n].data.fd, messages, BATCH, MSG_DONTWAIT, NULL);
                if (got > 0) datagrams += (unsigned)got;
                continue;
            }
            char line[16] = "";
            if (read(STDIN_FILENO, line, sizeof line - 1) <= 0) return 0;
            if (!strncmp(line, "begin", 5)) {
                datagrams = wakes = 0;
                began = cpu();
                printf("begun\n");
                fflush(stdout);
            } else {
                printf("{\"datagrams\": %lu, \"wakes\": %lu, \"cpu_seconds\": %.6f}\n",
                       (unsigned long)datagrams, (unsigned long)wakes, cpu() - began);
                return 0;
            }
        }
    }
}
