// Code written at run time, called, rewritten in place, moved between W and X, and thrown away.
#include "guest.h"
typedef int function(int);
// lea eax, [rdi + constant]; ret
static void emit(unsigned char *at, int constant) {
    memcpy(at, (unsigned char[]){0x8d, 0x87}, 2);
    memcpy(at + 2, &constant, 4);
    at[6] = 0xc3;
}
int main(void) {
    unsigned char *code = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    long sum = 0;
    for (int i = 0; i < 3000; i++) {
        unsigned char *at = code + (i % 7) * 5000;
        emit(at, i);
        sum += ((function *)at)(1);
    }
    printf("rewritten %ld\n", sum);
    for (int i = 0; i < 300; i++) {
        CHECK(mprotect(code, 4096, PROT_READ | PROT_WRITE) == 0);
        emit(code, -i);
        CHECK(mprotect(code, 4096, PROT_READ | PROT_EXEC) == 0);
        sum += ((function *)code)(2);
    }
    printf("switched %ld\n", sum);
    for (int i = 0; i < 300; i++) {
        unsigned char *page = mmap(code + 8192, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        emit(page, i * 3);
        sum += ((function *)page)(3);
        if (i % 2) CHECK(madvise(page, 4096, MADV_DONTNEED) == 0 && page[0] == 0);
    }
    emit(code + 16384 - 3, 1000);  // across a page boundary
    sum += ((function *)(code + 16384 - 3))(4);
    int file = memfd_create("code", 0);
    unsigned char image[7];
    emit(image, 5);
    CHECK(write(file, image, 7) == 7);
    function *mapped = (function *)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
    printf("sum %ld, mapped %d\n", sum, mapped(5));
    return 0;
}
