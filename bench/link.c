/*
 * A slow link: carries packets between two TUN devices, each of them later by a fixed time.
 *
 *     link DEVICE DEVICE MILLISECONDS
 *
 * The time is that of one way. It makes the devices, prints a line when they are there, and ends with a signal.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_BYTES 2048
#define PACKETS 16384

struct packet {
  uint64_t due;
  ssize_t length;
  char bytes[PACKET_BYTES];
};

/* Packets that travel one way. All take equally long, so they leave in the order in which they came. */
struct lane {
  int from, to;
  unsigned first, count;
  struct packet *ring;
};

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int device(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (descriptor < 0 || ioctl(descriptor, TUNSETIFF, &request) < 0) {
    perror(name);
    exit(1);
  }
  return descriptor;
}

/* Takes what came; what does not fit is lost, as on any link. */
static void take(struct lane *lane, uint64_t delay) {
  char lost[PACKET_BYTES];
  for (;;) {
    struct packet *packet = &lane->ring[(lane->first + lane->count) % PACKETS];
    int full = lane->count == PACKETS;
    ssize_t length = read(lane->from, full ? lost : packet->bytes, PACKET_BYTES);
    if (length <= 0) return;
    if (full) continue;
    packet->length = length;
    packet->due = now() + delay;
    lane->count++;
  }
}

/* Hands over what is due; when the next is, or 0 where there is none. */
static uint64_t give(struct lane *lane) {
  while (lane->count > 0) {
    struct packet *packet = &lane->ring[lane->first];
    if (packet->due > now()) return packet->due;
    if (write(lane->to, packet->bytes, (size_t)packet->length) < 0) { /* It is lost. */
    }
    lane->first = (lane->first + 1) % PACKETS;
    lane->count--;
  }
  return 0;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  uint64_t delay = (uint64_t)(atof(words[3]) * 1e6);
  int a = device(words[1]), b = device(words[2]);
  struct lane lanes[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
  for (int i = 0; i < 2; i++) lanes[i].ring = calloc(PACKETS, sizeof(struct packet));
  puts("ready");
  fflush(stdout);
  for (;;) {
    uint64_t next = 0;
    for (int i = 0; i < 2; i++) {
      uint64_t due = give(&lanes[i]);
      if (due != 0 && (next == 0 || due < next)) next = due;
    }
    struct pollfd ends[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    uint64_t at = now(), wait = next == 0 ? 1000000000u : next > at ? next - at : 0;
    struct timespec time = {.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};
    ppoll(ends, 2, &time, NULL);
    for (int i = 0; i < 2; i++) take(&lanes[i], delay);
  }
}
