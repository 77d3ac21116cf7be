// Every way to change a file shows in mappings of it: private ones until their pages are written to, and those that can
// only be read; through a descriptor, a path, another mapping, or a transfer.
#include "guest.h"
#include <linux/falloc.h>
#include <sys/sendfile.h>
enum { PAGE = 4096, SIZE = 4 * PAGE };
static int file, other, writer;
static char *private_view, *own_view, *read_only, *shared_view;
static void show(const char *what) {
    uint64_t hashes[4] = {hash_bytes(private_view, SIZE), hash_bytes(own_view, SIZE), hash_bytes(read_only, SIZE), 0};
    if (shared_view) hashes[3] = hash_bytes(shared_view, SIZE);
    printf("%-16s %016lx %016lx %016lx %016lx\n", what, hashes[0], hashes[1], hashes[2], hashes[3]);
}
static void change(const char *name) {
    loff_t at = 100, to = 5000;
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "through a pipe", 14) == 14);
    struct iovec parts[2] = {{"parts", 5}, {" of it", 6}};
    CHECK(pwrite(file, "pwrite", 6, 10) == 6);
    show("pwrite");
    CHECK(lseek(file, PAGE - 2, SEEK_SET) >= 0 && write(file, "write", 5) == 5);
    show("write");
    CHECK(pwritev(file, parts, 2, 3 * PAGE) == 11);
    show("pwritev");
    CHECK(copy_file_range(other, &at, file, &to, 50, 0) == 50);
    show("copy_file_range");
    CHECK(lseek(file, 9000, SEEK_SET) >= 0 && sendfile(file, other, &at, 60) == 60);
    show("sendfile");
    to = 12000;
    CHECK(splice(ends[0], NULL, file, &to, 14, 0) == 14);
    show("splice");
    CHECK(pwrite(writer, "by another descriptor", 21, 2 * PAGE) == 21);
    show("writer");
    CHECK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 20, 3000) == 0);
    show("hole");
    CHECK(ftruncate(file, PAGE + 7) == 0 && ftruncate(file, SIZE) == 0);
    show("ftruncate");
    CHECK(truncate(name, 2 * PAGE) == 0 && truncate(name, SIZE) == 0);
    show("truncate");
    int again = open(name, O_RDWR | O_TRUNC);
    CHECK(ftruncate(again, SIZE) == 0 && pwrite(again, "anew", 4, SIZE - 4) == 4);
    show("O_TRUNC");
    CHECK(fcntl(file, F_SETFL, O_APPEND) == 0 && pwrite(file, "appended", 8, 0) == 8);
    show("O_APPEND");
    CHECK(ftruncate(file, SIZE) == 0 && fcntl(file, F_SETFL, 0) == 0);
    CHECK(madvise(own_view, SIZE, MADV_DONTNEED) == 0);
    show("MADV_DONTNEED");
    close(ends[0]), close(ends[1]), close(again);
}
int main(void) {
    char name[] = "changes-XXXXXX", from[] = "source-XXXXXX", bytes[PAGE];
    for (int i = 0; i < PAGE; i++) bytes[i] = (char)(i * 7 + 1);
    CHECK((file = mkstemp(name)) >= 0 && (other = mkstemp(from)) >= 0 && (writer = open(name, O_WRONLY)) >= 0);
    CHECK(write(other, bytes, PAGE) == PAGE && ftruncate(file, SIZE) == 0);
    int reader = open(name, O_RDONLY);
    private_view = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, reader, 0);
    own_view = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0);
    read_only = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, reader, 0);
    own_view[PAGE + 1] = 'o';
    change(name);
    shared_view = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(shared_view != MAP_FAILED);
    own_view[3 * PAGE + 1] = 'o';
    change(name);
    strcpy(shared_view + 50, "stored in memory");
    show("a store");
    CHECK(madvise(shared_view + PAGE, PAGE, MADV_REMOVE) == 0);
    show("MADV_REMOVE");
    return unlink(name) + unlink(from);
}
