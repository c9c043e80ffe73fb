// Clocks, sleeping and polling.
#include "check.h"
#include <poll.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(clockid_t clock) {
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(void) {
    struct timespec resolution;
    CHECK(clock_getres(CLOCK_REALTIME, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec > 0);
    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec > 0);
    for (int i = 0; i < 100; i++) {
        long long first = nanoseconds(CLOCK_MONOTONIC);
        CHECK(nanoseconds(CLOCK_MONOTONIC) > first);
    }
    CHECK(time(NULL) > 1500000000);

    long long start = nanoseconds(CLOCK_MONOTONIC);
    struct timespec pause = {0, 3000000};
    CHECK(nanosleep(&pause, NULL) == 0);
    CHECK(nanoseconds(CLOCK_MONOTONIC) - start >= 3000000);
    CHECK(usleep(100) == 0);
    CHECK(sched_yield() == 0);

    struct pollfd descriptors[2] = {{0, POLLIN, 0}, {1, POLLOUT, 0}};
    CHECK(poll(descriptors, 2, 1000) >= 1);
    CHECK((descriptors[1].revents & POLLOUT) != 0);
    CHECK(poll(NULL, 0, 2) == 0);
    puts("clocks: ok");
    return 0;
}
