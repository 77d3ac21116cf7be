// Dies by the synchronous signal named on the command line, at once or after some work.
#include "guest.h"
int main(int argc, char **argv) {
    CHECK(argc == 2);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    printf("about to die by %s\n", argv[1]);
    fflush(stdout);
    if (!strcmp(argv[1], "segv")) write_to(0);
    if (!strcmp(argv[1], "execute")) ((void (*)(void))mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))();
    if (!strcmp(argv[1], "noncanonical")) write_to(0x8000000000000000);
    if (!strcmp(argv[1], "fpe")) __asm__ volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" : : : "rax", "rcx", "rdx");
    if (!strcmp(argv[1], "ill")) __asm__ volatile("ud2");
    if (!strcmp(argv[1], "trap")) __asm__ volatile("int3");
    if (!strcmp(argv[1], "overflow")) __asm__ volatile("int $4");
    if (!strcmp(argv[1], "privileged")) __asm__ volatile("hlt");
    if (!strcmp(argv[1], "abort")) abort();
    if (!strcmp(argv[1], "bus")) {
        int file = memfd_create("f", 0);
        CHECK(ftruncate(file, 4096) == 0);
        char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        page[1] = 1;
        page[4096] = 1;
    }
    if (!strcmp(argv[1], "stack")) __asm__ volatile("sub $0x8000000, %rsp\n\tcall abort");
    if (!strcmp(argv[1], "child")) {
        pid_t child = fork();
        if (child == 0) write_to(8);
        int status = wait_status(child);
        return WTERMSIG(status);
    }
    if (!strcmp(argv[1], "blocked")) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        write_to(8);
    }
    return 1;
}
