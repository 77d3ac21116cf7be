// Memory that a forked child is not to have: left out, or wiped.
#define _GNU_SOURCE
#include <signal.h>
#include "guest.h"
#define PAGES 8
static char *memory;
static void faulted(int number, siginfo_t *information, void *context) {
    (void)context;
    // Passed on, so that its value is looked at.
    _exit(number == SIGSEGV && information->si_addr == memory + 5 * 4096 ? 7 : 8);
}
static int child_of(int (*run)(void)) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(run());
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}
static int sum(void) {
    int sum = 0;
    for (int page = 0; page < 5; page++) sum += memory[page * 4096];
    return sum + memory[7 * 4096];
}
static int read_hole(void) {
    struct sigaction action = {.sa_sigaction = faulted, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    return ((volatile char *)memory)[5 * 4096];
}
static int grandchild(void) { return child_of(sum) + 1; }
int main(void) {
    memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (int page = 0; page < PAGES; page++) memory[page * 4096] = 1 << page;
    CHECK(madvise(memory + 4096, 3 * 4096, MADV_WIPEONFORK) == 0);
    CHECK(madvise(memory + 2 * 4096, 4096, MADV_KEEPONFORK) == 0);
    CHECK(madvise(memory + 5 * 4096, 2 * 4096, MADV_DONTFORK) == 0);
    CHECK(madvise(memory + 6 * 4096, 4096, MADV_DOFORK) == 0);
    printf("%d\n", child_of(sum));
    printf("%d\n", child_of(read_hole));
    printf("%d\n", child_of(grandchild));
    // The advice moves with the memory.
    char *moved = mremap(memory + 4096, 4096, 2 * 4096, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved != memory + 4096 && moved[0] == 2);
    moved[4096] = 3;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(moved[0] + moved[4096]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    printf("%d\n", WEXITSTATUS(status));
    // A range with a hole: an error, and done for the rest.
    CHECK(madvise(memory, PAGES * 4096, MADV_DONTNEED) == -1 && errno == ENOMEM);
    printf("%d %d\n", memory[0], memory[7 * 4096]);
    return 0;
}
