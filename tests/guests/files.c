// File calls: openat, pread, pwrite, getdents, statx, rename, links, xattr, truncate, sendfile, copy_file_range.
#include "guest.h"
#include <dirent.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
int main(void) {
    char folder[] = "/tmp/reenact-files-XXXXXX", text[64] = {0}, name[32];
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "file-%03d", i);
        int file = open(name, O_CREAT | O_RDWR | O_EXCL, 0600);
        CHECK(file >= 0 && pwrite(file, name, strlen(name), i) == (ssize_t)strlen(name) && close(file) == 0);
    }
    DIR *listing = opendir(".");
    uint64_t sum = 0, count = 0;
    for (struct dirent *entry; (entry = readdir(listing)); count++) sum += hash_bytes(entry->d_name, strlen(entry->d_name));
    closedir(listing);
    printf("%lu entries, %016lx\n", count, sum);
    struct statx wide;
    struct stat plain;
    CHECK(statx(AT_FDCWD, "file-007", 0, STATX_BASIC_STATS, &wide) == 0 && stat("file-007", &plain) == 0);
    printf("size %llu %ld mode %o\n", wide.stx_size, (long)plain.st_size, plain.st_mode);
    CHECK(rename("file-001", "renamed") == 0 && link("renamed", "linked") == 0 && symlink("renamed", "symbolic") == 0);
    CHECK(readlink("symbolic", text, sizeof text) == 7 && stat("symbolic", &plain) == 0 && plain.st_nlink == 2);
    CHECK(access("missing", F_OK) == -1 && errno == ENOENT && mkdir("deep", 0700) == 0 && rmdir("deep") == 0);
    int from = open("file-299", O_RDWR), to = open("copy", O_CREAT | O_RDWR, 0600);
    off_t at = 299;
    CHECK(sendfile(to, from, &at, 100) == 8 && at == 307);
    loff_t in = 300, out = 50;
    CHECK(copy_file_range(from, &in, to, &out, 4, 0) == 4 && in == 304 && out == 54);
    CHECK(pread(to, text, 54, 0) == 54);
    printf("%.8s %.4s\n", text, text + 50);
    CHECK(ftruncate(to, 3) == 0 && lseek(to, 0, SEEK_END) == 3 && fallocate(to, 0, 0, 10000) == 0);
    CHECK(utimensat(AT_FDCWD, "copy", (struct timespec[2]){{1, 2}, {3, 4}}, 0) == 0 && fsync(to) == 0);
    CHECK(stat("copy", &plain) == 0 && plain.st_mtim.tv_nsec == 4 && plain.st_size == 10000);
    if (setxattr("copy", "user.note", "value", 5, 0) == 0) CHECK(getxattr("copy", "user.note", text, 64) == 5);
    struct statvfs system;
    CHECK(statvfs(".", &system) == 0 && getcwd(text, sizeof text) && strcmp(text, folder) == 0);
    fflush(stdout);
    return execlp("rm", "rm", "-r", folder, NULL);
}
