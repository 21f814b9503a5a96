// Many telephone lines: says given audio into legs at real-time pace and keeps what comes to the
// ears.
//
//     callers AUDIO HEARD [times] < lines
//
// `lines`: one line of text for each telephone, `listen-port first-byte bytes`: where it talks to
// (port 0: it only listens) and which part of the file AUDIO (s16le, 16 kHz, mono) it says; end with
// an empty line. Prints
// the ear's port of each, starts to talk at the line `begin` (answers with the time of its first
// deadline), tells at the line `how` for how many seconds all ears have heard nothing (a line that
// still has words to say counts as an ear that hears), and stops at the line `end` with one line of
// JSON. A line of `lines` that ends with `later` says nothing, not even silence, until it is asked
// `call N` (answered with the time of its first deadline); `until N BYTES` has it say no more than so
// much of its audio, and then silence; `hang N` ends it.
//
// Frame n of line i leaves at start + n x 20 ms + (i mod 20) ms, at absolute deadlines; what a late
// wake-up missed leaves at once. A line whose audio is over says silence. HEARD gets a record for
// each datagram that came to an ear: line (u32), bytes (u32), kernel receive time on
// CLOCK_MONOTONIC (u64), then the datagram; with `times` without it, and with 0 bytes. The kernel
// stamps with the wall clock; how far that ran away from CLOCK_MONOTONIC meanwhile is reported.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 640, PHASES = 20, MOST_LINES = 4096, BATCH = 64, MOST_BYTES = 2048 };
enum { AHEAD = 1000, PAGE = 4096 };                 // frames of each line that are in memory before they are said
static const size_t MOST_POPULATED = (size_t)1 << 32; // bytes of AUDIO: all in memory before the first is said
static const uint64_t MS = 1000000u;

struct line {
    int mouth, ear; // mouth -1: says nothing
    int waits;      // is not calling
    uint64_t first, bytes, said;
};

struct record {
    uint32_t line, bytes;
    uint64_t at;
};

static struct line lines[MOST_LINES];
static int count_of_lines;
static uint64_t sent, refused, heard, heard_last, worst_late, ahead;
static int times_only;
static FILE *kept;

static uint64_t clock_of(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int open_line(int poll, struct line *line, int port) {
    int on = 1, room = 1 << 20;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in there = here;
    there.sin_port = htons((uint16_t)port);
    socklen_t length = sizeof here;
    line->mouth = port ? socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0) : -1;
    line->ear = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(line->ear, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(line->ear, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (port && connect(line->mouth, (struct sockaddr *)&there, sizeof there)) return -1;
    if (bind(line->ear, (struct sockaddr *)&here, sizeof here)) return -1;
    getsockname(line->ear, (struct sockaddr *)&here, &length);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(line - lines)};
    epoll_ctl(poll, EPOLL_CTL_ADD, line->ear, &event);
    return ntohs(here.sin_port);
}

static void hear(uint32_t number) {
    static char bytes[BATCH][MOST_BYTES], control[BATCH][64];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    for (int n = 0; n < BATCH; n++) {
        parts[n] = (struct iovec){bytes[n], MOST_BYTES};
        messages[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[n],
                                                   .msg_iovlen = 1,
                                                   .msg_control = control[n],
                                                   .msg_controllen = sizeof control[n]}};
    }
    int got = recvmmsg(lines[number].ear, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int n = 0; n < got; n++) {
        struct record record = {number, times_only ? 0 : messages[n].msg_len, clock_of(CLOCK_MONOTONIC)};
        struct cmsghdr *stamp = CMSG_FIRSTHDR(&messages[n].msg_hdr);
        if (stamp && stamp->cmsg_level == SOL_SOCKET && stamp->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec at;
            memcpy(&at, CMSG_DATA(stamp), sizeof at);
            record.at = (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec - ahead;
        }
        fwrite(&record, sizeof record, 1, kept);
        fwrite(bytes[n], record.bytes, 1, kept);
        heard++;
        heard_last = record.at;
    }
}

// What a line says in the next AHEAD frames is read from the disk meanwhile; what it has said may leave memory.
static void read_ahead(char *audio, size_t size, const struct line *line) {
    size_t chunk = (size_t)AHEAD * FRAME, at = (line->first + line->said) / PAGE * PAGE;
    if (line->said >= line->bytes) return;
    if (line->said >= chunk) madvise(audio + at - chunk / PAGE * PAGE, chunk / PAGE * PAGE, MADV_DONTNEED);
    if (at + 2 * chunk < size) size = at + 2 * chunk;
    madvise(audio + at, size - at, MADV_WILLNEED);
}

static void how(void) {
    uint64_t at = clock_of(CLOCK_MONOTONIC);
    for (int n = 0; n < count_of_lines; n++)
        if (!lines[n].waits && lines[n].said < lines[n].bytes) heard_last = at;
    printf("%.3f\n", heard_last && at > heard_last ? (double)(at - heard_last) / 1e9 : 0.0);
}

// 1 = go on. `step` is the next one.
static int orders(uint64_t start, uint64_t step) {
    static char text[1 << 16];
    static size_t kept_of_it;
    ssize_t got = read(STDIN_FILENO, text + kept_of_it, sizeof text - 1 - kept_of_it);
    if (got <= 0) return 0;
    text[kept_of_it + (size_t)got] = 0;
    char *at = text, *end;
    for (; (end = strchr(at, '\n')); at = end + 1) {
        int number;
        unsigned long bytes;
        if (!strncmp(at, "how", 3)) how();
        else if (sscanf(at, "call %d", &number) == 1 && number < count_of_lines) {
            lines[number].waits = 0;
            uint64_t first = step + ((uint64_t)number + PHASES - step % PHASES) % PHASES;
            printf("%lu\n", (unsigned long)(start + first * MS));
        } else if (sscanf(at, "until %d %lu", &number, &bytes) == 2 && number < count_of_lines) {
            if (bytes < lines[number].bytes) lines[number].bytes = bytes;
        } else if (sscanf(at, "hang %d", &number) == 1 && number < count_of_lines) {
            lines[number].waits = 1;
        } else return 0;
    }
    kept_of_it = strlen(at);
    memmove(text, at, kept_of_it + 1);
    fflush(stdout);
    return 1;
}

int main(int count, char **arguments) {
    if (count < 3) return fprintf(stderr, "callers AUDIO HEARD [times] < lines\n"), 2;
    times_only = count > 3;
    int file = open(arguments[1], O_RDONLY);
    struct stat about;
    if (file < 0 || fstat(file, &about)) return perror(arguments[1]), 1;
    size_t size = about.st_size ? (size_t)about.st_size : 1;
    int all = size <= MOST_POPULATED;
    char *audio = mmap(NULL, size, PROT_READ, MAP_PRIVATE | (all ? MAP_POPULATE : 0), file, 0);
    kept = fopen(arguments[2], "wb");
    if (audio == MAP_FAILED || !kept) return perror("files"), 1;
    if (!all) madvise(audio, size, MADV_RANDOM); // the kernel would guess what is read next, megabytes at a time
    setvbuf(kept, NULL, _IOFBF, 1 << 22);

    int poll = epoll_create1(0);
    char text[128];
    unsigned long first, bytes;
    int port;
    while (fgets(text, sizeof text, stdin) && sscanf(text, "%d %lu %lu", &port, &first, &bytes) == 3) {
        if (count_of_lines == MOST_LINES) return 2;
        struct line *line = &lines[count_of_lines++];
        *line = (struct line){.first = first, .bytes = bytes, .waits = strstr(text, "later") != NULL};
        if (!all) read_ahead(audio, size, line);
        int ear = open_line(poll, line, port);
        if (ear < 0) return perror("line"), 1;
        printf("%d ", ear);
    }
    printf("\n");
    fflush(stdout);
    if (!fgets(text, sizeof text, stdin)) return 0; // begin
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);

    enum { CLOCK = MOST_LINES, ORDERS };
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = CLOCK};
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event);
    event.data.u32 = ORDERS;
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    uint64_t start = clock_of(CLOCK_MONOTONIC) + 20 * MS, step = 0;
    ahead = clock_of(CLOCK_REALTIME) - clock_of(CLOCK_MONOTONIC);
    printf("%lu\n", (unsigned long)start);
    fflush(stdout);
    struct itimerspec each = {{0, MS}, {(time_t)(start / 1000000000u), (long)(start % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &each, NULL);
    setpriority(PRIO_PROCESS, 0, -10); // where it may: a talker must not wait for a compiler

    static struct epoll_event events[256];
    static const char silence[FRAME];
    for (int running = 1; running;) {
        int ready = epoll_wait(poll, events, 256, -1);
        for (int n = 0; n < ready; n++) {
            if (events[n].data.u32 == ORDERS) running = orders(start, step);
            else if (events[n].data.u32 < CLOCK) hear(events[n].data.u32);
        }
        uint64_t expired, at = clock_of(CLOCK_MONOTONIC);
        if (read(timer, &expired, sizeof expired) < 0) continue;
        for (; start + step * MS <= at; step++) {
            if (at - (start + step * MS) > worst_late) worst_late = at - (start + step * MS);
            for (int n = (int)(step % PHASES); n < count_of_lines; n += PHASES) {
                struct line *line = &lines[n];
                if (line->waits) continue;
                const char *frame = silence;
                if (line->said + FRAME <= line->bytes) frame = audio + line->first + line->said;
                line->said += FRAME;
                // Not all lines at once.
                if (!all && (line->said / FRAME + (uint64_t)n * 5) % AHEAD == 0) read_ahead(audio, size, line);
                if (line->mouth < 0) continue;
                if (send(line->mouth, frame, FRAME, 0) == FRAME) sent++;
                else refused++;
            }
        }
    }
    for (int n = 0; n < count_of_lines; n++) hear((uint32_t)n);
    fclose(kept);
    double slew = (double)(int64_t)(clock_of(CLOCK_REALTIME) - clock_of(CLOCK_MONOTONIC) - ahead);
    printf("{\"sent\": %lu, \"refused\": %lu, \"heard\": %lu, \"late_ms\": %.3f, "
           "\"cpu_seconds\": %.6f, \"clock_slew_ms\": %.6f}\n",
           (unsigned long)sent, (unsigned long)refused, (unsigned long)heard,
           (double)worst_late / 1e6, cpu(), slew / 1e6);
    return 0;
}
