// Every function that the vDSO shows can be called: random bytes too, where it has those.
#include "guest.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
typedef long random_function(void *, size_t, unsigned, void *, size_t);
static void *found(const char *wanted) {
    const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
    if (image == NULL) return NULL;
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
    const Elf64_Phdr *part = (const Elf64_Phdr *)(image + header->e_phoff);
    const Elf64_Dyn *dynamic = NULL;
    for (int i = 0; i < header->e_phnum; i++)
        if (part[i].p_type == PT_DYNAMIC) dynamic = (const Elf64_Dyn *)(image + part[i].p_offset);
    const char *names = NULL;
    const Elf64_Sym *symbols = NULL;
    for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
        if (dynamic->d_tag == DT_STRTAB) names = image + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_SYMTAB) symbols = (const Elf64_Sym *)(image + dynamic->d_un.d_ptr);
    }
    for (const Elf64_Sym *each = symbols; each != NULL && (const char *)each < names; each++)
        if (each->st_shndx != SHN_UNDEF && strcmp(names + each->st_name, wanted) == 0)
            return (void *)(image + each->st_value);
    return NULL;
}
int main(void) {
    struct { unsigned size, protection, flags, reserved[13]; } state;
    unsigned char bytes[32] = {0};
    random_function *function = (random_function *)found("__vdso_getrandom");
    long length = sizeof bytes;
    if (function != NULL && function(NULL, 0, 0, &state, ~0UL) == 0) {
        void *opaque = mmap(NULL, 4096, (int)state.protection, (int)state.flags, -1, 0);
        for (int i = 0; i < 3; i++) length = function(bytes, sizeof bytes, 0, opaque, state.size);
    }
    int differ = 0;
    for (size_t i = 0; i < sizeof bytes; i++) differ += bytes[i] != 0;
    printf("%ld %d\n", length, function == NULL || differ > 0);
    printf("clock %d\n", found("__vdso_clock_gettime") != NULL || getauxval(AT_SYSINFO_EHDR) == 0);
    return 0;
}
