// `sysenter` of a 64-bit program leads nowhere: the process dies.
#include "guest.h"
int main(void) {
    pid_t child = fork();
    if (child == 0) {
        __asm__ volatile("sysenter" : : : "memory");
        _exit(0);
    }
    int status = wait_status(child);
    printf("the child dies by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 0;
}
