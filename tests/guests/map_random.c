// Random calls about files and mappings of them, by one process or by two in turns: what memory shows is printed.
// Arguments: a seed, the number of steps, the number of processes.
#include "guest.h"
#include <linux/falloc.h>
#include <sys/sendfile.h>
enum { PAGE = 4096, FILES = 3, SLOTS = 8, MOST = 6 * PAGE };
struct slot {
    char *at;
    size_t length;
    int protection, shared;
} slots[SLOTS];
static int files[FILES], readers[FILES], shown = 1;
static uint64_t state;
static sigjmp_buf fault;
static unsigned below(unsigned limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % limit;
}
static void on_fault(int number) { siglongjmp(fault, number); }
static int load(volatile char *at) {
    int number = sigsetjmp(fault, 1);
    return number != 0 ? -number : *(volatile unsigned char *)at;
}
static int store(volatile char *at, char value) {
    int number = sigsetjmp(fault, 1);
    if (number != 0) return -number;
    *at = value;
    return 0;
}
static const char *name_of(int file) {
    static char name[32];
    sprintf(name, "random-file-%d", file);
    return name;
}
static void open_file(int file, int flags) {
    if (files[file] > 0) CHECK(close(files[file]) == 0);
    if (readers[file] > 0) CHECK(close(readers[file]) == 0);
    files[file] = open(name_of(file), O_RDWR | O_CREAT | flags, 0600);
    readers[file] = open(name_of(file), O_RDONLY);
    CHECK(files[file] > 0 && readers[file] > 0);
}
static void open_memory(int file) {
    char path[40];
    if (files[file] > 0) CHECK(close(files[file]) == 0 && close(readers[file]) == 0);
    files[file] = memfd_create("random", 0);
    sprintf(path, "/proc/self/fd/%d", files[file]);
    readers[file] = open(path, O_RDONLY);
    CHECK(files[file] > 0 && readers[file] > 0);
}
// Each slot has addresses of its own, so that a mapping lost half-way is nobody else's memory.
static char *fresh_place(struct slot *slot) {
    return (char *)0x100000000000 + ((slot - slots) * 2 + below(2)) * (1l << 24);
}
static void release(struct slot *slot) {
    for (int half = 0; half < 2; half++) CHECK(munmap((char *)0x100000000000 + ((slot - slots) * 2 + half) * (1l << 24), 1 << 24) == 0);
    slot->at = NULL;
}
static long map(struct slot *slot, int file) {
    int protections[] = {PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_NONE};
    int protection = protections[below(4)], shared = (int)below(3) > 0;
    int fd = below(4) == 0 ? readers[file] : files[file];
    size_t length = 1 + below(MOST);
    char *fixed = NULL;
    if (slot->at && slot->length >= length && below(2)) {
        fixed = slot->at;
    } else release(slot);
    if (below(8) == 0) fd = -1;
    char *at = mmap(fixed ? fixed : fresh_place(slot), length, protection, (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED |
                    (fd < 0 ? MAP_ANONYMOUS : 0), fd, fd < 0 ? 0 : below(4) * PAGE);
    if (at == MAP_FAILED) {
        long error = -errno;
        if (fixed) release(slot);
        return error;
    }
    *slot = (struct slot){at, (length + PAGE - 1) & -PAGE, protection, shared};
    return fixed != NULL;
}
static long resize(struct slot *slot) {
    size_t length = (1 + below(6)) * PAGE, old = slot->length;
    int kind = (int)below(5), flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    struct slot *other = &slots[below(SLOTS)];
    if (kind == 0 || other == slot) {
        char *same = mremap(slot->at, old, length, 0);
        if (same == MAP_FAILED) return -errno;
        slot->length = length;
        return 1;
    }
    if (kind == 1) flags |= MREMAP_DONTUNMAP, length = old;
    if (kind == 2 && slot->shared) old = 0;
    release(other);
    char *at = mremap(slot->at, old, length, flags, fresh_place(other));
    if (at == MAP_FAILED) {
        long error = -errno;
        release(other), release(slot);
        return error;
    }
    *other = *slot;
    other->at = at, other->length = length;
    if (kind != 1 && old != 0) release(slot);
    return 0;
}
static long change(int file, int fd) {
    static char bytes[3 * PAGE];
    loff_t to = below(MOST), from = below(PAGE);
    size_t length = 1 + below(below(2) ? 16 : sizeof bytes);
    int other = files[below(FILES)], ends[2];
    for (size_t i = 0; i < length; i++) bytes[i] = (char)(below(255) + 1);
    switch (below(14)) {
    case 0: case 1: return pwrite(fd, bytes, length, to);
    case 2: return lseek(fd, to, SEEK_SET) < 0 ? -1 : write(fd, bytes, length);
    case 3: return ftruncate(fd, below(MOST));
    case 4: return truncate(name_of(file), below(MOST));
    case 5: return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, to, (loff_t)length);
    case 6: return fallocate(fd, below(2) ? 0 : FALLOC_FL_KEEP_SIZE, to, (loff_t)length);
    case 7: return other == fd ? 0 : copy_file_range(other, &from, fd, &to, length, 0);
    case 8: return lseek(fd, to, SEEK_SET) < 0 ? -1 : sendfile(fd, other, &from, length);
    case 9:
        CHECK(pipe(ends) == 0);
        long written = write(ends[1], bytes, length), moved = splice(ends[0], NULL, fd, &to, (size_t)written, 0);
        close(ends[0]), close(ends[1]);
        return moved;
    case 10: open_file(file, O_TRUNC); return 0;
    case 11: unlink(name_of(file)), open_file(file, 0); return 0;
    case 12: open_memory(file); return 0;
    default:
        if (below(2)) return lseek(fd, 0, SEEK_END);
        struct iovec parts[2] = {{bytes, length / 2}, {bytes + length / 2, length - length / 2}};
        return pwritev(fd, parts, 2, to);
    }
}
static long advise(struct slot *slot) {
    int advice[] = {MADV_DONTNEED, MADV_REMOVE, MADV_WILLNEED, MADV_DONTNEED, MADV_POPULATE_READ};
    size_t from = below((unsigned)(slot->length / PAGE)) * PAGE;
    long result = madvise(slot->at + from, (1 + below(3)) * PAGE, advice[below(5)]);
    return result < 0 ? -errno : result;
}
static long protect(struct slot *slot) {
    int protections[] = {PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE};
    size_t from = below((unsigned)(slot->length / PAGE)) * PAGE;
    long result = mprotect(slot->at + from, PAGE, protections[below(3)]);
    return result < 0 ? -errno : result;
}
static long step(void) {
    struct slot *slot = &slots[below(SLOTS)];
    int file = (int)below(FILES), kind = (int)below(16);
    if (kind < 4) return change(file, files[file]);
    if (kind == 4 || slot->at == NULL) return map(slot, file);
    char *place = slot->at + below((unsigned)slot->length);
    switch (kind) {
    case 5: return resize(slot);
    case 6: return advise(slot);
    case 7: return protect(slot);
    case 8: return read(readers[file], place, below(64)) < 0 ? -errno : 0;
    case 9: return pwrite(files[file], place, below(64), below(MOST)) < 0 ? -errno : 0;
    case 10: return msync(slot->at, slot->length, MS_SYNC) < 0 ? -errno : 0;
    default: return store(place, (char)(below(255) + 1));
    }
}
static void show(int number, long result) {
    uint64_t hash = 0;
    for (int i = 0; i < SLOTS; i++)
        for (size_t at = 0; slots[i].at && at < slots[i].length; at += below(2) ? PAGE / 2 : 61)
            hash = (hash ^ (uint64_t)(load(slots[i].at + at) + 100)) * 0x100000001b3u;
    printf("%d: %ld %016lx\n", number, result, hash);
    if (shown++ % 64 == 0) fflush(stdout);
}
static void child_steps(int count) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < count; i++) show(1000000 + i, step());
        fflush(stdout);
        _exit(0);
    }
    CHECK(wait_status(child) == 0);
}
int main(int count, char **arguments) {
    CHECK(count == 4);
    int steps = atoi(arguments[2]), several = atoi(arguments[3]) > 1, in[2], out[2];
    char token = 't';
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGBUS, &action, NULL) == 0);
    state = strtoul(arguments[1], NULL, 10) * 7919 + 1;
    for (int i = 0; i < FILES; i++) open_file(i, O_TRUNC);
    CHECK(pipe(in) == 0 && pipe(out) == 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    // Who shares memory runs in turns: what one changes, and when, the log of the other knows.
    if (several) CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    int is_second = several && fork() == 0, my_in = is_second ? in[0] : out[0], my_out = is_second ? out[1] : in[1];
    if (several) CHECK(close(is_second ? in[1] : in[0]) == 0 && close(is_second ? out[0] : out[1]) == 0);
    if (is_second) state ^= 0x5555;
    if (is_second) CHECK(read(my_in, &token, 1) == 1);
    for (int i = 0; i < steps; i++) {
        if (several && below(4) == 0) {
            // The other one's turn, if it has not ended.
            fflush(stdout);
            if (write(my_out, &token, 1) == 1) (void)!read(my_in, &token, 1);
        } else if (!several && below(100) == 0) child_steps(10);
        show(i, step());
    }
    fflush(stdout);
    if (several) {
        (void)!write(my_out, &token, 1);
        close(my_out);
        if (is_second) _exit(0);
        while (read(my_in, &token, 1) == 1) (void)0;
        CHECK(wait(NULL) > 0);
    }
    for (int i = 0; i < FILES; i++) unlink(name_of(i));
    return 0;
}
