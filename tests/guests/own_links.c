// The link /proc/self/exe itself, as against what it leads to.
#include "guest.h"
static struct stat status;
static struct statx more;
static const char *kind(int result) {
    mode_t mode = status.st_mode | more.stx_mode;
    memset(&status, 0, sizeof status), memset(&more, 0, sizeof more);
    return result != 0 ? "failed" : S_ISLNK(mode) ? "a link" : S_ISREG(mode) ? "a file" : "something else";
}
int main(void) {
    const char *name = "/proc/self/exe";
    printf("stat %s\n", kind(stat(name, &status)));
    printf("lstat %s\n", kind(lstat(name, &status)));
    printf("fstatat %s\n", kind(fstatat(-1, name, &status, 0)));
    printf("fstatat %s\n", kind(fstatat(-1, name, &status, AT_SYMLINK_NOFOLLOW)));
    printf("statx %s\n", kind(statx(-1, name, 0, STATX_TYPE, &more)));
    printf("statx %s\n", kind(statx(-1, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &more)));
    CHECK(open(name, O_RDONLY | O_NOFOLLOW) == -1 && errno == ELOOP);
    int link = open(name, O_PATH | O_NOFOLLOW), file = open(name, O_PATH);
    printf("O_PATH %s, ", kind(fstat(link, &status)));
    printf("%s\n", kind(fstat(file, &status)));
    // None of these touches the program.
    printf("unlink %d, ", unlink(name));
    printf("rename %d, rmdir %d, mkdir %d, ", rename(name, "taken"), rmdir(name), mkdir(name, 0700));
    printf("symlink %d, lchown %d\n", symlink("there", name), lchown(name, 0, 0));
    printf("chown %d\n", chown(name, (uid_t)-1, (gid_t)-1));
    char place[4096];
    ssize_t length = readlink(name, place, sizeof place - 1);
    CHECK(length > 0);
    place[length] = 0;
    printf("still there %d\n", access(place, X_OK));
    return 0;
}
