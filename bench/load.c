/*
 * load.c - asks an HTTP server again and again, checks every answer, and says how long each took.
 *
 *   load PORT FILE SECONDS RATE LEAST
 *
 * FILE    what each connection sends: for each of them a line with a length, then so many bytes of a whole
 *         request. Nine @ in it stand for the number of the call.
 * RATE    0: closed loop, each connection asks again when it was answered. Else open loop: so many calls a
 *         second begin at random moments (exponential pauses), whether there is a free connection or not, and
 *         the time of a call counts from the moment when it was due. What stands still hides no queue.
 * LEAST   an answer is good if its status is 200, it holds the number of the call, and so many bytes of body.
 *
 * Prints one JSON object: ok, bad, late (due, not answered two seconds after the end), seconds, rate, and
 * mean_us, p50_us, p90_us, p99_us, max_us of good answers.
 *
 * Build: cc -O2 -Wall -Wextra -o load load.c -lm
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MARK "@@@@@@@@@"
#define MARKS_MAX 8
#define WAITING_MAX (1u << 20)
#define DRAIN_SECONDS 2.0

typedef struct {
  int fd, marks, busy;
  char *request, *answer, number[16];
  size_t length, sent, got, capacity, mark[MARKS_MAX];
  double due;
} line;

static line *lines;
static size_t count, free_count, *free_lines, free_head;
static double *waiting;
static size_t waiting_head, waiting_tail;
static float *times;
static size_t ok, capacity;
static unsigned long bad, number = 100000000;
static size_t least;
static int epoll;

static void die(const char *what) { perror(what); exit(1); }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t dice = 0x9E3779B97F4A7C15ull;
static double pause_of(double rate) {                      /* xorshift64*, the same in every run */
  dice ^= dice >> 12; dice ^= dice << 25; dice ^= dice >> 27;
  double u = (double)((dice * 0x2545F4914F6CDD1Dull) >> 11) * 0x1p-53;
  return -log1p(-u) / rate;
}

static void watch(line *l, int writing) {
  struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0u), .data.ptr = l};
  epoll_ctl(epoll, EPOLL_CTL_MOD, l->fd, &e);
}

static void push(line *l) {
  while (l->sent < l->length) {
    ssize_t n = send(l->fd, l->request + l->sent, l->length - l->sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) { watch(l, 1); return; }
    if (n < 0) die("send");
    l->sent += (size_t)n;
  }
}

static void ask(line *l, double due) {
  snprintf(l->number, sizeof l->number, "%09lu", number++);
  for (int i = 0; i < l->marks; i++) memcpy(l->request + l->mark[i], l->number, 9);
  l->busy = 1; l->due = due; l->sent = l->got = 0;
  push(l);
}

/* Where the body begins, or 0 if the answer is not whole yet. */
static size_t whole(const line *l) {
  const char *end = memmem(l->answer, l->got, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t head = (size_t)(end - l->answer) + 4;
  for (const char *p = l->answer; p && p < end; p = memmem(p, (size_t)(end + 2 - p), "\r\n", 2), p = p ? p + 2 : p) {
    if (!strncasecmp(p, "content-length:", 15))
      return l->got >= head + strtoul(p + 15, NULL, 10) ? head : 0;
  }
  if (l->got >= head + 5 && !memcmp(l->answer + l->got - 5, "0\r\n\r\n", 5)) return head;
  return 0;
}

static void judge(line *l, size_t body) {
  int good = !strncmp(l->answer + 8, " 200", 4) && l->got - body >= least
             && memmem(l->answer + body, l->got - body, l->number, 9);
  if (good) {
    if (ok == capacity) { capacity = capacity ? 2 * capacity : 1u << 16; times = realloc(times, capacity * sizeof *times); }
    times[ok++] = (float)(1e6 * (now() - l->due));
  } else if (!bad++) {
    fprintf(stderr, "a bad answer: %.*s\n", (int)(l->got < 600 ? l->got : 600), l->answer);
  }
  l->busy = 0;
}

static void hear(line *l) {
  for (;;) {
    if (l->capacity - l->got < 65536) { l->capacity = 2 * l->capacity + 65536; l->answer = realloc(l->answer, l->capacity); }
    ssize_t n = recv(l->fd, l->answer + l->got, l->capacity - l->got, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) { fprintf(stderr, "the connection ended: %.*s\n", (int)(l->got < 600 ? l->got : 600), l->answer); exit(1); }
    l->got += (size_t)n;
    size_t body = whole(l);
    if (body) { judge(l, body); return; }
  }
}

static void let_go(line *l) { free_lines[(free_head + free_count++) % count] = (size_t)(l - lines); }

static void begin_waiting(void) {
  while (free_count && waiting_head != waiting_tail) {
    line *l = &lines[free_lines[free_head]];
    free_head = (free_head + 1) % count; free_count--;
    ask(l, waiting[waiting_head++ % WAITING_MAX]);
  }
}

static void set_timer(int timer, double at) {
  struct itimerspec t = {.it_value = {.tv_sec = (time_t)at, .tv_nsec = (long)(1e9 * (at - floor(at)))}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void read_requests(const char *path, int port) {
  FILE *f = fopen(path, "rb");
  size_t n;
  if (!f) die(path);
  while (fscanf(f, "%zu", &n) == 1 && fgetc(f) == '\n') {
    lines = realloc(lines, (count + 1) * sizeof *lines);
    line *l = memset(&lines[count++], 0, sizeof *l);
    l->request = malloc(n + 1); l->length = n;
    if (fread(l->request, 1, n, f) != n) die("fread");
    l->request[n] = 0;
    for (char *p = l->request; l->marks < MARKS_MAX && (p = strstr(p, MARK)); p += 9) l->mark[l->marks++] = (size_t)(p - l->request);
  }
  fclose(f);
  free_lines = calloc(count, sizeof *free_lines);
  for (size_t i = 0; i < count; i++) {
    line *l = &lines[i];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    l->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(l->fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void report(double seconds, unsigned long late) {
  double sum = 0;
  for (size_t i = 0; i < ok; i++) sum += times[i];
  qsort(times, ok, sizeof *times, ascending);
#define AT(q) (ok ? times[(size_t)((q) * (double)(ok - 1))] : 0.0f)
  printf("{\"ok\":%zu,\"bad\":%lu,\"late\":%lu,\"seconds\":%.4f,\"rate\":%.1f,\"mean_us\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
         ok, bad, late, seconds, (double)ok / seconds, ok ? sum / (double)ok : 0.0, AT(0.5), AT(0.9), AT(0.99), AT(1.0));
}

int main(int argc, char **argv) {
  if (argc != 6) { fprintf(stderr, "usage: load PORT FILE SECONDS RATE LEAST\n"); return 2; }
  double seconds = atof(argv[3]), rate = atof(argv[4]);
  least = strtoul(argv[5], NULL, 10);
  read_requests(argv[2], atoi(argv[1]));
  epoll = epoll_create1(0);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, events[512];
  epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &e);
  waiting = malloc(WAITING_MAX * sizeof *waiting);
  for (size_t i = 0; i < count; i++) {
    e.data.ptr = &lines[i];
    epoll_ctl(epoll, EPOLL_CTL_ADD, lines[i].fd, &e);
  }
  double begun = now(), end = begun + seconds, due = begun;
  for (size_t i = 0; i < count; i++) { if (rate > 0) let_go(&lines[i]); else ask(&lines[i], now()); }
  set_timer(timer, rate > 0 ? begun + 0.001 : end);
  size_t busy = count;
  for (;;) {
    int n = epoll_wait(epoll, events, 512, -1);
    double t = now();
    for (int i = 0; i < n; i++) {
      line *l = events[i].data.ptr;
      if (!l) { uint64_t ticks; if (read(timer, &ticks, sizeof ticks) < 0) continue; continue; }
      if (events[i].events & EPOLLOUT) { watch(l, 0); push(l); }
      if (!(events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))) continue;
      hear(l);
      if (l->busy) continue;
      if (rate > 0) let_go(l); else if (t < end) ask(l, now()); else busy--;
    }
    if (rate > 0) {
      for (; due <= t && due < end; due += pause_of(rate)) {
        if (waiting_tail - waiting_head == WAITING_MAX) { fprintf(stderr, "hopelessly late\n"); return 1; }
        waiting[waiting_tail++ % WAITING_MAX] = due;
      }
      begin_waiting();
      busy = count - free_count;
      set_timer(timer, due < end ? due : t + 0.01);
    } else if (t >= end) {
      set_timer(timer, t + 0.01);
    }
    if (t >= end && ((busy == 0 && waiting_head == waiting_tail) || t >= end + DRAIN_SECONDS)) break;
  }
  report(seconds, waiting_tail - waiting_head + busy);
  return 0;
}
