/* A TCP proxy on loopback that delays octets and does not limit how many pass.
 *
 * usage: delay-proxy ONE_WAY_MS TARGET_PORT...
 *
 * Listens on a free port for each target and prints these ports on one line, in the same order. A round trip takes
 * twice ONE_WAY_MS longer. It models a line of any bandwidth: up to IN_FLIGHT octets are under way in each direction.
 * There is no slow start and no loss, and connecting takes no time. It ends with its standard input. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_FLIGHT (64L << 20)
#define CHUNK 65536
#define MAX_POLLED 1024

typedef struct chunk {
  struct chunk *next;
  int64_t due;
  int length, written;
  char octets[];
} chunk;

typedef struct lane {
  int from, to;
  chunk *first, *last;
  long queued;
  int ended, closed; /* nothing more comes; nothing more goes */
} lane;

typedef struct link {
  struct link *next;
  lane lanes[2];
  int broken;
} link_t;

static int64_t delay;
static link_t *links;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int without_waiting(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

static int listen_on_free_port(void) {
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (void *)&address, sizeof address) || listen(fd, 256) || getsockname(fd, (void *)&address, &length)) {
    perror("listen");
    exit(1);
  }
  printf("%d ", ntohs(address.sin_port));
  return without_waiting(fd);
}

static void accept_links(int listener, int target) {
  for (int client; (client = accept(listener, 0, 0)) >= 0;) {
    struct sockaddr_in address = loopback(target);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(server, (void *)&address, sizeof address)) {
      close(client);
      close(server);
      continue;
    }
    link_t *link = calloc(1, sizeof *link);
    link->lanes[0].from = link->lanes[1].to = without_waiting(client);
    link->lanes[0].to = link->lanes[1].from = without_waiting(server);
    link->next = links;
    links = link;
  }
}

/* Reads what is there, and notes when it is due at the other end. */
static void take(link_t *link, lane *lane) {
  while (!lane->ended && lane->queued < IN_FLIGHT) {
    chunk *c = malloc(sizeof *c + CHUNK);
    int length = read(lane->from, c->octets, CHUNK);
    if (length <= 0) {
      free(c);
      if (length == 0) lane->ended = 1;
      else if (errno != EAGAIN && errno != EINTR) link->broken = 1;
      return;
    }
    c = realloc(c, sizeof *c + length);
    *c = (chunk){.due = now() + delay, .length = length};
    if (lane->last) lane->last->next = c;
    else lane->first = c;
    lane->last = c;
    lane->queued += length;
    if (length < CHUNK) return;
  }
}

/* Writes what is due. Returns when the next chunk will be; 0 where there is none, or the receiver is slow. */
static int64_t deliver(link_t *link, lane *lane, int64_t time) {
  while (lane->first && lane->first->due <= time) {
    chunk *c = lane->first;
    int written = write(lane->to, c->octets + c->written, c->length - c->written);
    if (written < 0) {
      if (errno != EAGAIN) link->broken = 1;
      return 0;
    }
    c->written += written;
    lane->queued -= written;
    if (c->written < c->length) continue;
    lane->first = c->next;
    if (!lane->first) lane->last = 0;
    free(c);
  }
  if (!lane->first && lane->ended && !lane->closed) {
    lane->closed = 1;
    shutdown(lane->to, SHUT_WR);
  }
  return lane->first ? lane->first->due : 0;
}

static void release(link_t *link) {
  for (int i = 0; i < 2; i++) {
    close(link->lanes[i].from);
    for (chunk *c = link->lanes[i].first, *next; c; c = next) {
      next = c->next;
      free(c);
    }
  }
  free(link);
}

/* Delivers on every link and removes those that are over. Returns when the next octet is due, 0 for never. */
static int64_t deliver_all(int64_t time) {
  int64_t next = 0;
  for (link_t **at = &links, *link; (link = *at);) {
    for (int i = 0; i < 2; i++) {
      int64_t due = deliver(link, &link->lanes[i], time);
      if (due && (!next || due < next)) next = due;
    }
    if (!link->broken && !(link->lanes[0].closed && link->lanes[1].closed)) {
      at = &link->next;
      continue;
    }
    *at = link->next;
    release(link);
  }
  return next;
}

int main(int count, char **arguments) {
  int listeners = count - 2, fds[64];
  if (listeners < 1 || listeners > 64) return fprintf(stderr, "usage: delay-proxy ONE_WAY_MS TARGET_PORT...\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  delay = (int64_t)(atof(arguments[1]) * 1e6);
  for (int i = 0; i < listeners; i++) fds[i] = listen_on_free_port();
  printf("\n");
  fflush(stdout);

  for (;;) {
    int64_t time = now(), next = deliver_all(time);
    struct timespec wait = {0};
    if (next > time) wait = (struct timespec){(next - time) / 1000000000LL, (next - time) % 1000000000LL};

    /* Built anew each turn: there are few links, and it makes back-pressure plain. */
    struct pollfd polled[MAX_POLLED];
    lane *lane_of[MAX_POLLED];
    link_t *link_of[MAX_POLLED];
    int size = 0;
    polled[size++] = (struct pollfd){.fd = 0, .events = POLLIN};
    for (int i = 0; i < listeners; i++) polled[size++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    for (link_t *link = links; link; link = link->next) {
      for (int i = 0; i < 2 && size < MAX_POLLED; i++) {
        lane *in = &link->lanes[i], *out = &link->lanes[1 - i];
        short events = !in->ended && in->queued < IN_FLIGHT ? POLLIN : 0;
        if (out->first && out->first->due <= time) events |= POLLOUT; /* the receiver is slow */
        if (!events) continue; /* poll would report an end again and again */
        lane_of[size] = in;
        link_of[size] = link;
        polled[size++] = (struct pollfd){.fd = in->from, .events = events};
      }
    }
    if (ppoll(polled, size, next ? &wait : 0, 0) <= 0) continue;
    if (polled[0].revents) return 0;
    for (int i = 1; i < size; i++) {
      if (!polled[i].revents) continue;
      if (i <= listeners) accept_links(polled[i].fd, atoi(arguments[i + 1]));
      else if (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) take(link_of[i], lane_of[i]);
    }
  }
}
