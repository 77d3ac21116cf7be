// Code made at run time whose operands look like `lar` (0f 02), as compilers that count in their code make it, is called again and again.
#include "guest.h"
typedef void function(unsigned char *);
static unsigned char *put(unsigned char *at, const void *bytes, int length) {
    memcpy(at, bytes, length);
    return at + length;
}
int main(void) {
    unsigned char *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    unsigned char *at = code + 256;
    for (int i = 0; i < 30; i++) at = put(at, "\x48\x8d\x47\x10", 4);  // lea rax, [rdi + 16]
    for (int i = 0; i < 300; i++) {
        at = put(at, "\x83\x47\x0f\x02", 4);  // add dword ptr [rdi + 15], 2
        at = put(at, "\x48\x89\xf8", 3);      // mov rax, rdi
    }
    at = put(at, "\xc3", 1);
    CHECK(at < code + 4096);
    unsigned char counted[64] = {0};
    for (int i = 0; i < 50; i++) {
        ((function *)(code + 256))(counted);
        CHECK(getppid() > 0);
    }
    unsigned count;
    memcpy(&count, counted + 15, 4);
    printf("%u\n", count);
    return 0;
}
