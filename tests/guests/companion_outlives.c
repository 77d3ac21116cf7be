// A process in another one's memory lives on when that ends.
#include "clone_structure.h"
static char stack[65536] __attribute__((aligned(16)));
static int ends[2];
static int stays(void *argument) {
    (void)argument;
    char byte;
    // Until all of its parent's are closed.
    syscall(SYS_close, ends[1]);
    syscall(SYS_read, ends[0], &byte, 1);
    for (int i = 0; i < 100; i++) syscall(SYS_getppid);
    syscall(SYS_write, 1, "lived on\n", 9);
    return 0;
}
int main(void) {
    CHECK(pipe(ends) == 0);
    struct clone_args a = {.flags = CLONE_VM, .exit_signal = SIGCHLD};
    a.stack = (uintptr_t)stack, a.stack_size = sizeof stack;
    CHECK(clone3_call(&a, stays, NULL) > 0);
    return 3;
}
