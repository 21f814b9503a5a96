// A recogniser that hears nothing: takes audio over WebSockets and notes how old it is.
//
//     sink TIMES [PEM]
//
// PEM: a file with a certificate and its key; then over TLS (compiled with WITH_TLS).
//
// Speaks as much of RFC 6455 and of Deepgram's /v1/listen as a client needs that only sends audio:
// accepts every upgrade, answers each second of audio with an empty final result, CloseStream with
// the end; any other request gets 404. A datagram of `native/sender.c` carries the moment it left;
// of every whole frame of 640 bytes in a message the stamp of its *last* datagram (at byte 320, or
// 0 where the frame is one datagram) is compared with the moment the message was read, and the
// difference is written to TIMES (u64, nanoseconds). Prints its port; the times are those between
// the lines `begin` and `stop`; the line `how` is answered with how many connections are open and how
// many there were, `cut` cuts all of them off without a word, `end` ends it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
static SSL_CTX *tls;
#endif

enum { FRAME = 640, ROOM = 1 << 17, MOST_FILES = 8192 };

struct peer {
    int open; // upgraded
    size_t filled;
    uint64_t bytes, answered; // of audio
    unsigned char *room;
#ifdef WITH_TLS
    SSL *tls;
#endif
};

static struct peer *peers[MOST_FILES];
static uint64_t all_frames, frames, messages, connections;
static int counting;
static FILE *times;

static uint64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

// SHA-1 (RFC 3174) of less than 120 bytes: all that a handshake needs.
static void sha1(const char *text, size_t length, unsigned char out[20]) {
    unsigned char block[128] = {0};
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    size_t total = length < 56 ? 64 : 128;
    memcpy(block, text, length);
    block[length] = 0x80;
    for (int n = 0; n < 8; n++) block[total - 1 - n] = (unsigned char)((uint64_t)length * 8 >> 8 * n);
    for (size_t at = 0; at < total; at += 64) {
        uint32_t w[80];
        for (int n = 0; n < 16; n++)
            w[n] = (uint32_t)block[at + 4 * n] << 24 | (uint32_t)block[at + 4 * n + 1] << 16 |
                   (uint32_t)block[at + 4 * n + 2] << 8 | block[at + 4 * n + 3];
        for (int n = 16; n < 80; n++) {
            uint32_t x = w[n - 3] ^ w[n - 8] ^ w[n - 14] ^ w[n - 16];
            w[n] = x << 1 | x >> 31;
        }
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int n = 0; n < 80; n++) {
            uint32_t f = n < 20   ? (b & c) | (~b & d)
                         : n < 40 ? b ^ c ^ d
                         : n < 60 ? (b & c) | (b & d) | (c & d)
                                  : b ^ c ^ d;
            static const uint32_t k[] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
            uint32_t sum = (a << 5 | a >> 27) + f + e + k[n / 20] + w[n];
            e = d, d = c, c = b << 30 | b >> 2, b = a, a = sum;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int n = 0; n < 20; n++) out[n] = (unsigned char)(h[n / 4] >> (24 - 8 * (n % 4)));
}

static void base64(const unsigned char *in, int length, char *out) {
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int n = 0; n < length; n += 3) {
        uint32_t v = (uint32_t)in[n] << 16 | (n + 1 < length ? in[n + 1] << 8 : 0) |
                     (n + 2 < length ? in[n + 2] : 0);
        *out++ = set[v >> 18];
        *out++ = set[v >> 12 & 63];
        *out++ = n + 1 < length ? set[v >> 6 & 63] : '=';
        *out++ = n + 2 < length ? set[v & 63] : '=';
    }
    *out = 0;
}

// As write(2) and read(2), whatever the connection is; a read of 0 or less that leaves EAGAIN is to
// be tried again.
static ssize_t put(int file, const void *bytes, size_t length) {
#ifdef WITH_TLS
    if (tls) return SSL_write(peers[file]->tls, bytes, (int)length);
#endif
    return write(file, bytes, length);
}

static ssize_t get(int file, void *bytes, size_t length) {
#ifdef WITH_TLS
    if (tls) {
        int got = SSL_read(peers[file]->tls, bytes, (int)length);
        int why = got > 0 ? SSL_ERROR_NONE : SSL_get_error(peers[file]->tls, got);
        errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
        return got;
    }
#endif
    ssize_t got = read(file, bytes, length);
    if (got == 0) errno = ECONNRESET;
    return got;
}

static void say(int file, int opcode, const char *text, size_t length) {
    unsigned char message[1024] = {(unsigned char)(0x80 | opcode)};
    size_t head = 2;
    if (length < 126) message[1] = (unsigned char)length;
    else message[1] = 126, message[2] = (unsigned char)(length >> 8), message[3] = (unsigned char)length, head = 4;
    memcpy(message + head, text, length);
    if (put(file, message, head + length) < 0) return; // the peer is gone: its end will be read
}

static void answer(int file, struct peer *peer) {
    char text[512];
    double start = (double)peer->answered / 32000, seconds = (double)(peer->bytes - peer->answered) / 32000;
    int length = snprintf(text, sizeof text,
        "{\"type\":\"Results\",\"channel_index\":[0,1],\"duration\":%.3f,\"start\":%.3f,"
        "\"is_final\":true,\"speech_final\":false,\"channel\":{\"alternatives\":"
        "[{\"transcript\":\"\",\"confidence\":0.0,\"words\":[]}]},\"from_finalize\":false}",
        seconds, start);
    peer->answered = peer->bytes;
    say(file, 1, text, (size_t)length);
}

static void take_audio(int file, struct peer *peer, const unsigned char *pcm, size_t length, uint64_t at) {
    messages += (unsigned)counting;
    for (size_t n = 0; n + FRAME <= length; n += FRAME) {
        const unsigned char *stamp = pcm + n + FRAME / 2;
        if (memcmp(stamp, "TLB1", 4)) stamp = pcm + n;
        if (memcmp(stamp, "TLB1", 4)) continue; // silence that was filled in
        uint64_t sent;
        memcpy(&sent, stamp + 8, sizeof sent);
        uint64_t age = at - sent;
        all_frames++;
        if (counting) fwrite(&age, sizeof age, 1, times), frames++;
    }
    peer->bytes += length;
    if (peer->bytes - peer->answered >= 32000) answer(file, peer);
}

static int upgrade(int file, struct peer *peer) {
    peer->room[peer->filled] = 0;
    char *end = strstr((char *)peer->room, "\r\n\r\n");
    if (!end) return peer->filled < ROOM - 1;
    char *key = strcasestr((char *)peer->room, "sec-websocket-key:");
    if (!key) {
        static const char no[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        if (put(file, no, sizeof no - 1) < 0) return 0;
        return 0;
    }
    char text[96], reply[256], accept[32];
    unsigned char digest[20];
    int length = 0;
    sscanf(key + 18, " %60[^\r\n ]", text);
    strcat(text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    sha1(text, strlen(text), digest);
    base64(digest, 20, accept);
    length = snprintf(reply, sizeof reply,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    if (put(file, reply, (size_t)length) != length) return 0;
    size_t used = (size_t)(end + 4 - (char *)peer->room);
    memmove(peer->room, peer->room + used, peer->filled - used);
    peer->filled -= used;
    peer->open = 1;
    connections++;
    return 1;
}

// Handles whole messages of what was read; 0 = the connection is over.
static int take(int file, struct peer *peer, uint64_t at) {
    if (!peer->open && (!upgrade(file, peer) || !peer->open)) return peer->open || peer->filled;
    unsigned char *here = peer->room, *end = peer->room + peer->filled;
    while (end - here >= 6) {
        size_t length = here[1] & 127, head = 2;
        if (length == 126) length = (size_t)here[2] << 8 | here[3], head = 4;
        else if (length == 127) return 0; // nobody sends so much at once
        if ((size_t)(end - here) < head + 4 + length) break;
        unsigned char *mask = here + head, *pcm = mask + 4;
        for (size_t n = 0; n < length; n++) pcm[n] ^= mask[n & 3];
        int opcode = here[0] & 15;
        if (opcode == 2) take_audio(file, peer, pcm, length, at);
        else if (opcode == 9) say(file, 10, (char *)pcm, length);
        else if (opcode == 8) return say(file, 8, (char *)pcm, length), 0;
        else if (opcode == 1 && length > 15 && memmem(pcm, length, "CloseStream", 11)) {
            answer(file, peer);
            static const char over[] = "{\"type\":\"Metadata\",\"request_id\":\"sink\",\"duration\":0,\"channels\":1}";
            say(file, 1, over, sizeof over - 1);
            return say(file, 8, "\x03\xe8", 2), 0;
        }
        here = pcm + length;
    }
    memmove(peer->room, here, (size_t)(end - here));
    peer->filled = (size_t)(end - here);
    return 1;
}

static void hang_up(int file) {
#ifdef WITH_TLS
    if (tls) SSL_free(peers[file]->tls);
#endif
    free(peers[file]->room);
    free(peers[file]);
    peers[file] = NULL;
    close(file);
}

static void orders(void) {
    static double began;
    char line[16] = "";
    if (read(STDIN_FILENO, line, sizeof line - 1) <= 0) exit(0);
    if (!strncmp(line, "begin", 5)) {
        counting = 1;
        began = cpu();
        printf("begun\n");
        fflush(stdout);
        return;
    }
    if (!strncmp(line, "stop", 4)) {
        counting = 0;
        printf("stopped\n");
        fflush(stdout);
        return;
    }
    if (!strncmp(line, "how", 3) || !strncmp(line, "cut", 3)) {
        int open = 0;
        for (int file = 0; file < MOST_FILES; file++) {
            if (!peers[file] || !peers[file]->open) continue;
            open++;
            if (line[0] == 'c') hang_up(file);
        }
        printf("%d %lu\n", open, (unsigned long)connections);
        fflush(stdout);
        return;
    }
    fclose(times);
    printf("{\"all_frames\": %lu, \"frames\": %lu, \"messages\": %lu, \"connections\": %lu, "
           "\"cpu_seconds\": %.6f}\n", (unsigned long)all_frames, (unsigned long)frames, (unsigned long)messages, (unsigned long)connections, cpu() - began);
    exit(0);
}

int main(int count, char **arguments) {
    if (count < 2 || !(times = fopen(arguments[1], "wb"))) return fprintf(stderr, "sink TIMES [PEM]\n"), 2;
#ifdef WITH_TLS
    if (count > 2) {
        tls = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(tls, arguments[2]) != 1 ||
            SSL_CTX_use_PrivateKey_file(tls, arguments[2], SSL_FILETYPE_PEM) != 1)
            return fprintf(stderr, "no certificate in %s\n", arguments[2]), 1;
    }
#endif
    int poll = epoll_create1(0), on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 4096)) return perror("bind"), 1;
    getsockname(listener, (struct sockaddr *)&here, &length);
    printf("ready %d\n", ntohs(here.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = STDIN_FILENO;
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, 256, -1);
        for (int n = 0; n < ready; n++) {
            int file = events[n].data.fd;
            if (file == STDIN_FILENO) {
                orders();
            } else if (file == listener) {
                for (int new; (new = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                    if (new >= MOST_FILES) { close(new); continue; }
                    setsockopt(new, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    peers[new] = calloc(1, sizeof *peers[new]);
                    peers[new]->room = malloc(ROOM);
#ifdef WITH_TLS
                    if (tls) {
                        peers[new]->tls = SSL_new(tls);
                        SSL_set_fd(peers[new]->tls, new);
                        SSL_set_accept_state(peers[new]->tls);
                    }
#endif
                    event.data.fd = new;
                    epoll_ctl(poll, EPOLL_CTL_ADD, new, &event);
                }
            } else {
                // Until it would block: what TLS has read already does not make the socket readable.
                for (struct peer *peer = peers[file]; peer;) {
                    ssize_t got = get(file, peer->room + peer->filled, ROOM - 1 - peer->filled);
                    if (got <= 0 && errno == EAGAIN) break;
                    if (got > 0) peer->filled += (size_t)got;
                    if (got <= 0 || !take(file, peer, now())) { hang_up(file); break; }
#ifdef WITH_TLS
                    if (tls) continue;
#endif
                    break;
                }
            }
        }
    }
}
