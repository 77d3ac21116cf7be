// Code that changes itself: the next instruction, its own loop's constant, and by a read from a pipe.
#include "guest.h"
static int ends[2];
int main(void) {
    unsigned char *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED && pipe(ends) == 0);
    // mov byte [rip + 1], dil (changes the constant of the next instruction); mov eax, 0; ret
    memcpy(code, (unsigned char[]){0x40, 0x88, 0x3d, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3}, 13);
    int (*next)(int) = (int (*)(int))code, sum = 0;
    for (int i = 0; i < 1000; i++) {
        int got = next(i & 0xff);
        CHECK(got == (i & 0xff));
        sum += got;
    }
    printf("next instruction: %d\n", sum);
    // xor eax,eax; mov ecx,100; L: add eax, 1 (imm8 at +10); inc byte [rip-7]; dec ecx; jnz L; ret
    memcpy(code + 4096, (unsigned char[]){0x31, 0xc0, 0xb9, 100, 0, 0, 0, 0x90, 0x83, 0xc0, 1,
           0xfe, 0x05, 0xf9, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x75, 0xf3, 0xc3}, 22);
    printf("own loop: %d\n", ((int (*)(void))(code + 4096))());
    for (int i = 0; i < 300; i++) {
        unsigned char bytes[6] = {0xb8, (unsigned char)i, 0, 0, 0, 0xc3};
        CHECK(write(ends[1], bytes, 6) == 6 && read(ends[0], code + 100, 6) == 6);
        sum += ((int (*)(void))(code + 100))();
    }
    printf("by the kernel: %d\n", sum);
    return 0;
}
