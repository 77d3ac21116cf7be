// Limits of address space and of data: how much the program can map, one page more or less, is its own affair.
#include "guest.h"
enum { MIB = 1 << 20, PAGE = 4096 };
static const struct { const char *name; int resource; } limits[] = {{"space", RLIMIT_AS}, {"data", RLIMIT_DATA}};
static void *map(unsigned long length, int protection) { return mmap(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static void fill(const char *name) {
    int big = 0, small = 0, breaks = 0;
    void *last = NULL;
    for (void *at; (at = map(MIB, PROT_READ | PROT_WRITE)) != MAP_FAILED; last = at) big++;
    CHECK(errno == ENOMEM);
    while (map(PAGE, PROT_READ | PROT_WRITE) != MAP_FAILED) small++;
    while (brk((char *)sbrk(0) + PAGE) == 0) breaks++;
    printf("%s: %d MiB, %d pages, %d of the break", name, big, small > 200, breaks);
    printf(", read only %d, in place %d", map(MIB, PROT_READ) != MAP_FAILED,
           mmap(last, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == last);
    printf(", longer %d", mremap(last, MIB, MIB + PAGE, MREMAP_MAYMOVE) != MAP_FAILED);
    munmap(last, MIB);
    printf(", again %d\n", map(MIB, PROT_READ | PROT_WRITE) != MAP_FAILED);
    fflush(stdout);
}
static void try(int which, unsigned long limit, char *self) {
    pid_t child = fork();
    if (child == 0) {
        CHECK(setrlimit(limits[which].resource, &(struct rlimit){limit, limit}) == 0);
        fill(limits[which].name);
        pid_t second = fork();
        if (second == 0) {
            printf("in a child, one more %d\n", map(MIB, PROT_READ | PROT_WRITE) != MAP_FAILED);
            fflush(stdout);
            execl(self, self, limits[which].name, (char *)0);
            _exit(1);
        }
        _exit(WEXITSTATUS(wait_status(second)));
    }
    int status = wait_status(child);
    printf("ended %d\n", WEXITSTATUS(status));
    fflush(stdout);
}
int main(int count, char **arguments) {
    if (count > 1) {
        fill("executed");
        return 5;
    }
    for (int which = 0; which < 2; which++)
        for (unsigned long size = 32; size < 300; size *= 2) try(which, size * MIB, arguments[0]);
    return 0;
}
