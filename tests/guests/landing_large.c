// Much memory, of which a loop writes little: landings ask the kernel which pages are written. The
// program moves, splits, forgets and copies that memory meanwhile, and must not see any of it.
#include "guest.h"
enum { MIB = 1 << 20, PAGE = 4096 };
static volatile uint64_t ticks, seen, *cell;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    seen = (seen ^ *cell) * 0x100000001b3ul;
    ticks++;
}
static void compute(char *at, uint64_t pages) {
    uint64_t until = ticks + 12;
    cell = (uint64_t *)at;
    for (uint64_t round = 0; ticks < until; round++) (*(uint64_t *)(at + round % pages * PAGE))++;
}
static char *map(char *at, size_t length) {
    int fixed = at ? MAP_FIXED : 0;
    char *got = mmap(at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
    CHECK(got != MAP_FAILED);
    return got;
}
static int lines_in(char *from, char *to) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    int found = 0;
    for (unsigned long start, end; fgets(line, sizeof line, maps);)
        if (sscanf(line, "%lx-%lx", &start, &end) == 2) found += start < (unsigned long)to && end > (unsigned long)from;
    fclose(maps);
    return found;
}
int main(void) {
    char *room = map(NULL, 96 * MIB), *large = room + 16 * MIB;
    CHECK(munmap(room, 96 * MIB) == 0);
    large = map(large, 32 * MIB);
    memset(large, 1, 32 * MIB);
    on_signal(SIGALRM, handler, SA_RESTART);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 4000}, {0, 4000}}, NULL) == 0);
    compute(large, 3);
    map(large + 32 * MIB, MIB);
    compute(large + 32 * MIB - PAGE, 2);
    // Two mappings side by side are one to the kernel: it shows them so, and moves them as one.
    CHECK(lines_in(large, large + 33 * MIB) == 1);
    compute(large, 100);
    char *moved = mremap(large + 31 * MIB, 2 * MIB, 3 * MIB, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED);
    compute(moved, 700);
    CHECK(mprotect(large + MIB, MIB, PROT_READ) == 0 && madvise(large, PAGE * 9, MADV_DONTNEED) == 0);
    compute(large, 20);
    CHECK(mprotect(large + MIB, MIB, PROT_READ | PROT_WRITE) == 0);
    map(large + 4 * MIB, MIB);
    compute(large + 3 * MIB, 600);
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 4000}, {0, 4000}}, NULL) == 0);
    compute(large + 8 * MIB, child ? 5 : 50);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL) == 0);
    printf("%s: %lu ticks, %016lx, %016lx\n", child ? "parent" : "child", ticks, seen, hash_bytes(large + 2 * MIB, 20 * MIB));
    fflush(stdout);
    if (!child) _exit(0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    return 0;
}
