// Sends datagrams to many UDP ports of loopback at a steady rate, with sendmmsg, in absolute time.
//
//     sender SECONDS PER_PORT_RATE SIZE TICK_US [FROM [shared]] < ports     one port a line, closed at the end
//
// FROM is the port it sends from: a leg may believe its first source only. `shared`: each line is another
// leg of the same port, so each has a sender of its own, 127.1.0.1:FROM, 127.1.0.2:FROM and so on, 250 a row.
//
// Datagram n of all is due at n / (rate x ports) and goes to port n mod ports, so each port hears
// one every 1/rate seconds and all of them are spread evenly. Every TICK_US what is due is sent at
// once; what a late wake-up missed is sent at once too, so the number of datagrams is exact.
//
// A datagram begins with a stamp that says when it left (see `stamp`); the rest is noise, loud
// enough to be taken for speech. Prints one line of JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, MOST_PORTS = 8192, MOST_BYTES = 2048 };

struct stamp {
    char magic[4]; // "TLB1"
    uint32_t leg;
    uint64_t sent; // CLOCK_MONOTONIC, nanoseconds
    uint32_t serial;
};

static uint64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static void sleep_until(uint64_t at) {
    struct timespec then = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}

int main(int count, char **arguments) {
    if (count < 5) return fprintf(stderr, "sender SECONDS RATE SIZE TICK_US [FROM] < ports\n"), 2;
    double seconds = atof(arguments[1]), rate = atof(arguments[2]);
    size_t size = (size_t)atol(arguments[3]);
    uint64_t tick = (uint64_t)atol(arguments[4]) * 1000u;
    static struct sockaddr_in to[MOST_PORTS];
    uint32_t ports = 0;
    for (int port; ports < MOST_PORTS && scanf("%d", &port) == 1; ports++)
        to[ports] = (struct sockaddr_in){.sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!ports || size < sizeof(struct stamp) || size > MOST_BYTES) return 2;

    static char bytes[BATCH][MOST_BYTES];
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    uint32_t noise = 1;
    for (int n = 0; n < BATCH; n++) {
        for (size_t at = 0; at + 1 < size; at += 2) {
            noise = noise * 1664525u + 1013904223u;
            int16_t sample = (int16_t)((int32_t)(noise >> 16) % 6000 - 3000);
            memcpy(bytes[n] + at, &sample, 2);
        }
        parts[n] = (struct iovec){bytes[n], size};
        messages[n].msg_hdr.msg_iov = &parts[n];
        messages[n].msg_hdr.msg_iovlen = 1;
        messages[n].msg_hdr.msg_namelen = sizeof to[0];
    }

    static int socks[MOST_PORTS];
    int shared = count > 6 && !strcmp(arguments[6], "shared");
    uint32_t senders = shared ? ports : 1;
    for (uint32_t n = 0; n < senders; n++) {
        uint32_t host = shared ? 0x7f010001u + n / 250 * 256 + n % 250 : INADDR_LOOPBACK;
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
        from.sin_port = htons((uint16_t)(count > 5 ? atoi(arguments[5]) : 0));
        socks[n] = socket(AF_INET, SOCK_DGRAM, 0);
        if (socks[n] < 0 || bind(socks[n], (struct sockaddr *)&from, sizeof from))
            return perror("socket"), 1;
    }
    double interval = 1e9 / (rate * ports); // nanoseconds between two datagrams
    uint64_t total = (uint64_t)(seconds * rate * ports + 0.5), sent = 0, refused = 0;
    uint64_t begin = now() + 10000000u, late = 0, wake = begin;
    while (sent + refused < total) {
        sleep_until(wake);
        uint64_t at = now();
        uint64_t due = (uint64_t)((double)(at - begin) / interval) + 1;
        if (due > total) due = total;
        uint64_t planned = begin + (uint64_t)((double)(sent + refused) * interval);
        if (at > planned && at - planned > late) late = at - planned;
        while (sent + refused < due) {
            uint64_t first = sent + refused;
            unsigned batch = due - first < BATCH ? (unsigned)(due - first) : BATCH;
            for (unsigned n = 0; n < batch; n++) {
                uint32_t leg = (uint32_t)((first + n) % ports);
                struct stamp stamp = {{'T', 'L', 'B', '1'}, leg, now(),
                                      (uint32_t)((first + n) / ports)};
                memcpy(bytes[n], &stamp, sizeof stamp);
                messages[n].msg_hdr.msg_name = &to[leg];
            }
            // One socket sends them all, or each only its own.
            if (senders > 1) batch = 1;
            int done = sendmmsg(socks[first % senders], messages, batch, 0);
            if (done > 0) sent += (unsigned)done;
            else if (errno != EINTR) refused++; // an ICMP answer, a full buffer: to be expected
        }
        uint64_t next = begin + (uint64_t)((double)(sent + refused) * interval);
        wake = wake + tick > next ? wake + tick : next;
    }
    uint64_t took = now() - begin;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"sent\": %lu, \"refused\": %lu, \"seconds\": %.6f, \"late_ms\": %.3f, "
           "\"cpu_seconds\": %.6f}\n",
           (unsigned long)sent, (unsigned long)refused, (double)took / 1e9, (double)late / 1e6,
           cpu);
    return 0;
}
