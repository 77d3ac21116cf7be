// /proc/self/maps shows the program and nothing of ours; [stack], [heap] and [vdso] are where it says.
#include "guest.h"
#include <sys/auxv.h>
int main(void) {
    char line[512], *heap = malloc(10);
    int heap_seen = 0, stack_seen = 0, vdso_seen = 0, program_seen = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps);
    while (fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        char rights[5], name[256] = "";
        CHECK(sscanf(line, "%lx-%lx %4s %*s %*s %*s %255s", &from, &to, rights, name) >= 3);
        CHECK(!strstr(line, "reenact") && !strstr(line, "memfd:"));
        CHECK(from < 0x550000000000 || from >= 0x554000000000);
        uintptr_t here = (uintptr_t)&line;
        if (!strcmp(name, "[stack]")) stack_seen += here >= from && here < to;
        if (!strcmp(name, "[heap]")) heap_seen += (uintptr_t)heap >= from && (uintptr_t)heap < to;
        if (!strcmp(name, "[vdso]")) vdso_seen += getauxval(AT_SYSINFO_EHDR) == from;
        if (strstr(name, "own_maps") && !strcmp(rights, "r-xp"))
            program_seen += (uintptr_t)main >= from && (uintptr_t)main < to;
    }
    printf("stack %d heap %d vdso %d program %d\n", stack_seen, heap_seen, vdso_seen, program_seen);
    return 0;
}
