// Every clock through the vDSO and as a call: time, gettimeofday, clock_gettime, clock_getres, getcpu.
#include "guest.h"
#include <sys/times.h>
int main(void) {
    clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
                          CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
    struct timespec now, before, resolution;
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        CHECK(clock_gettime(clocks[i], &before) == 0 && clock_getres(clocks[i], &resolution) == 0);
        for (int j = 0; j < 100; j++) {
            CHECK(clock_gettime(clocks[i], &now) == 0);
            CHECK(now.tv_sec > before.tv_sec || (now.tv_sec == before.tv_sec && now.tv_nsec >= before.tv_nsec));
            before = now;
        }
        printf("%d: %ld.%09ld, resolution %ld\n", clocks[i], (long)now.tv_sec, now.tv_nsec, resolution.tv_nsec);
    }
    CHECK(clock_gettime(12345, &now) == -1 && errno == EINVAL);
    struct timeval day;
    struct timezone zone;
    for (int i = 0; i < 100; i++) CHECK(gettimeofday(&day, &zone) == 0);
    time_t seconds;
    CHECK(time(&seconds) == seconds && time(NULL) - day.tv_sec <= 1);
    printf("%ld.%06ld %ld zone %d\n", (long)day.tv_sec, (long)day.tv_usec, (long)seconds, zone.tz_minuteswest);
    CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0 && syscall(SYS_gettimeofday, &day, NULL) == 0);
    CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME, (void *)8) == -1 && errno == EFAULT);
    printf("%ld %ld\n", now.tv_nsec, (long)day.tv_usec);
    unsigned cpu, node;
    CHECK(getcpu(&cpu, &node) == 0 && sched_getcpu() >= 0);
    struct tms usage;
    CHECK(times(&usage) != -1 && clock() >= 0);
    printf("cpu %u node %u clock %ld\n", cpu, node, (long)clock());
    return 0;
}
