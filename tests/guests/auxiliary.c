// The auxiliary vector is the kernel's: page size, entry, program headers, random bytes, file name, ids.
#include "guest.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
extern char __executable_start, _start;
int main(int argc, char **argv) {
    CHECK(argc >= 1 && getauxval(AT_PAGESZ) == 4096 && getauxval(AT_CLKTCK) == 100);
    CHECK(getauxval(AT_ENTRY) == (uintptr_t)&_start);
    CHECK(getauxval(AT_PHDR) == (uintptr_t)&__executable_start + 64 && getauxval(AT_PHENT) == sizeof(ElfW(Phdr)));
    CHECK(getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid() && getauxval(AT_SECURE) == 0);
    CHECK(strcmp((char *)getauxval(AT_EXECFN), argv[0]) == 0 && strcmp((char *)getauxval(AT_PLATFORM), "x86_64") == 0);
    const ElfW(Phdr) *headers = (void *)getauxval(AT_PHDR);
    int interpreter = 0;
    for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++) interpreter |= headers[i].p_type == PT_INTERP;
    const ElfW(Ehdr) *base = (void *)getauxval(AT_BASE);
    CHECK(!base || memcmp(base->e_ident, ELFMAG, 4) == 0);
    const ElfW(Ehdr) *vdso = (void *)getauxval(AT_SYSINFO_EHDR);
    CHECK(vdso && memcmp(vdso->e_ident, ELFMAG, 4) == 0);
    uintptr_t random = getauxval(AT_RANDOM), top = (uintptr_t)argv[0];
    CHECK(random > (uintptr_t)&argc && random < top);
    // The file's name is the last string, behind those of the environment, and ends the stack.
    uintptr_t name = getauxval(AT_EXECFN), last = top;
    for (char **at = environ; *at; at++) last = (uintptr_t)*at > last ? (uintptr_t)*at : last;
    CHECK(name > last && (name + strlen((char *)name) + 1 + 8) % 4096 == 0);
    CHECK(((uintptr_t)argv - 8) % 16 == 0 && random - (uintptr_t)argv < 4096 * 16);
    CHECK((uintptr_t)argv[argc] == 0 && (char **)argv + argc + 1 == environ);
    printf("interpreter %d, base %d\n", interpreter, base != NULL);
    fprintf(stderr, "random %016lx, hwcap %lx\n", hash_bytes((void *)random, 16), getauxval(AT_HWCAP));
    ElfW(auxv_t) *entry = (void *)environ;
    while (*(void **)entry) entry = (void *)((void **)entry + 1);
    int count = 0;
    for (entry = (void *)((void **)entry + 1); entry->a_type != AT_NULL; entry++) count++;
    fprintf(stderr, "%d entries\n", count);
    return 0;
}
