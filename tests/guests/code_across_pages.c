// Code made at run time with instructions that lie in two pages. The argument says which: 0: a conditional jump, whose
// opcode is cut; 1: operands like `sldt` (0f 00), cut too, in each of several pages; 2: `xgetbv`, cut; 3 and 4: the same,
// made of other instructions, once these have been executed, by a store to the second page or to the first; 5: `xgetbv`
// in one page, which is entered again and again from others.
#include "guest.h"
enum { PAGE = 4096, PAGES = 8, CALLS = 50 };
static unsigned char *code, *at;
static void put(const void *bytes, int length) {
    memcpy(at, bytes, length);
    at += length;
}
static void fill(const unsigned char *until) {
    while (at < until) put("\x90", 1);
}
// What the kernel and the processor hold enabled does not change: the sum is the same each time.
static unsigned long call(const unsigned char *function, int times) {
    unsigned long sum = 0;
    for (int i = 0; i < times; i++) {
        unsigned long value = 1;
        __asm__ volatile("call *%1" : "+a"(value) : "r"(function), "c"(0), "d"(0) : "cc", "memory");
        sum += value;
        CHECK(getppid() > 0);
    }
    return sum;
}
int main(int count, char **arguments) {
    int which = count > 1 ? atoi(arguments[1]) : 0;
    code = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    at = code;
    const unsigned char *start = code + PAGE - 300;
    unsigned long sum = 0;
    if (which == 0) {
        fill(code + PAGE - 3);
        put("\x85\xc0\x0f\x85\x01\x00\x00\x00\xc3\xc3", 10);  // test eax, eax; jnz behind the first ret
    } else if (which == 1) {
        for (int page = 1; page < 5; page++) {
            fill(code + page * PAGE - 2);
            put("\xf7\xc4\x0f\x00\x00\x00", 6);  // test esp, 15
            if (page < 4) {
                put("\xe9", 1);  // jmp to the end of this page
                int distance = PAGE - 4 - 5 - 300;
                put(&distance, 4);
            }
        }
        put("\xc3", 1);
    } else if (which == 5) {
        put("\x0f\x01\xd0\xc3", 4);
        fill(code + 2 * PAGE);
        for (int i = 0; i < 100; i++) {
            int distance = code - (at + 5);
            put("\xe8", 1);  // call the xgetbv
            put(&distance, 4);
        }
        put("\xc3", 1);
        start = code + 2 * PAGE;
    } else {
        fill(code + PAGE - 1);
        if (which == 2) put("\x0f\x01\xd0\xc3", 4);
        if (which == 3) put("\x0f\x1f\xd0\xc3", 4);  // nop eax
        if (which == 4) put("\x90\x01\xd0\xc3", 4);  // nop; add eax, edx
        sum = call(start, CALLS);
        if (which == 3) code[PAGE] = 0x01;
        if (which == 4) code[PAGE - 1] = 0x0f;
    }
    sum += call(start, CALLS);
    printf("%lu\n", sum);
    return 0;
}
