// Memory is made writable up to a limit: what lies before it has been changed when the call fails.
#include "guest.h"
#include <sys/resource.h>
#define LARGE (600ul << 20)
static void faulted(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    printf("fault\n");
    exit(0);
}
int main(void) {
    char *memory = mmap(NULL, LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED && mprotect(memory, 4096, PROT_READ) == 0);
    CHECK(setrlimit(RLIMIT_DATA, &(struct rlimit){300 << 20, 300 << 20}) == 0);
    CHECK(mprotect(memory, LARGE, PROT_READ | PROT_WRITE) == -1 && errno == ENOMEM);
    memory[0] = 1;
    printf("%d\n", memory[0]);
    CHECK(mprotect(memory + 4096, LARGE - 4096, PROT_READ | PROT_WRITE) == -1 && errno == ENOMEM);
    on_signal(SIGSEGV, faulted, 0);
    return memory[4096];
}
