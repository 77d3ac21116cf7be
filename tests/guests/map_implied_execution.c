// What is mapped, protected and added to the heap to be read can be executed, too, where the program has asked for that.
#include "guest.h"
#include <sys/personality.h>
typedef int (*Function)(void);
static const unsigned char CODE[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; // mov $42, %eax; ret
static int called(void *at) {
    memcpy(at, CODE, sizeof CODE);
    Function function;
    memcpy(&function, &at, sizeof at);
    return function();
}
int main(void) {
    char *before = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(personality(READ_IMPLIES_EXEC) >= 0);
    char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("mapped %d\n", called(mapped));
    CHECK(mprotect(before, 4096, PROT_READ | PROT_WRITE) == 0);
    printf("protected %d\n", called(before));
    char *heap = (char *)(((uintptr_t)sbrk(0) + 4095) & ~(uintptr_t)4095);
    CHECK(brk(heap + 8192) == 0);
    printf("heap %d\n", called(heap + 4096));
    CHECK(personality(0) >= 0);
    CHECK(mprotect(before, 4096, PROT_READ | PROT_WRITE) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) _exit(called(before));
    int status = wait_status(child);
    printf("signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 0;
}
