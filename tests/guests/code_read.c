// A program that reads its own code, of which the recorder has changed some: what it finds decides what it does.
#define _GNU_SOURCE
#include <link.h>
#include "guest.h"
// The sum of all code the program has, passed to a system call that checks nothing of it but that it is the same.
static int add(struct dl_phdr_info *image, size_t size, void *sum) {
    (void)size;
    for (int i = 0; i < image->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &image->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        const unsigned char *code = (const unsigned char *)(image->dlpi_addr + part->p_vaddr);
        for (size_t at = 0; at < part->p_filesz; at++) *(unsigned *)sum = *(unsigned *)sum * 31 + code[at];
    }
    return 0;
}
int main(void) {
    unsigned before = 0, after = 0;
    dl_iterate_phdr(add, &before);
    CHECK(lseek(-1, before, SEEK_SET) == -1 && errno == EBADF);
    // Often enough that the place becomes a jump.
    for (int i = 0; i < 100; i++) CHECK(lseek(-1, i, SEEK_SET) == -1);
    dl_iterate_phdr(add, &after);
    CHECK(lseek(-1, after, SEEK_SET) == -1);
    pid_t child = fork();
    if (child == 0) {
        unsigned inherited = 0;
        dl_iterate_phdr(add, &inherited);
        CHECK(lseek(-1, inherited, SEEK_SET) == -1);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    // A loop as long as the code has it.
    volatile unsigned turns = 0;
    for (unsigned i = 0; i < after % 100000; i++) turns++;
    puts("read");
    return 0;
}
