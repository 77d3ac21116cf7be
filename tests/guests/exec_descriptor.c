// Programs executed by a descriptor: close-on-exec and not, for the name only (O_PATH), relative to a
// directory, a memory file, an unlinked file, by names under /proc and /dev/fd; scripts; and what fails.
#include "guest.h"
#include <sys/auxv.h>
#include <sys/prctl.h>
enum { EMPTY = 0x1000 };
static int executes(int directory, const char *path, int flags, const char *what) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char *arguments[] = {"again", (char *)what, NULL};
        syscall(SYS_execveat, directory, path, arguments, environ, flags);
        printf("%s: %s\n", what, strerror(errno));
        fflush(stdout);
        _exit(3);
    }
    return wait_status(child);
}
static int copy_of(const char *from, int to) {
    static char bytes[1 << 20];
    int file = open(from, O_RDONLY);
    ssize_t length = read(file, bytes, sizeof bytes);
    CHECK(length > 0 && write(to, bytes, (size_t)length) == length && close(file) == 0);
    return to;
}
int main(int count, char **arguments) {
    if (count == 2) {
        char name[16];
        prctl(PR_GET_NAME, name);
        printf("%s, comm %s, name %s\n", arguments[1], name, (char *)getauxval(AT_EXECFN));
        return 0;
    }
    char self[4096], path[64];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(length > 0);
    self[length] = 0;
    int plain = open(self, O_RDONLY), closing = open(self, O_RDONLY | O_CLOEXEC), named = open(self, O_PATH | O_CLOEXEC);
    executes(plain, "", EMPTY, "open");
    executes(closing, "", EMPTY, "close on exec");
    executes(named, "", EMPTY, "for its name");
    snprintf(path, sizeof path, "/proc/self/fd/%d", closing);
    executes(AT_FDCWD, path, 0, "by /proc");
    snprintf(path, sizeof path, "/dev/fd/%d", named);
    executes(AT_FDCWD, path, 0, "by /dev/fd");
    int bin = open("/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    executes(bin, "echo", 0, "relative to a directory");
    int memory = copy_of(self, memfd_create("program", MFD_CLOEXEC));
    executes(memory, "", EMPTY, "a memory file");
    CHECK(close(copy_of(self, open("unlinked", O_WRONLY | O_CREAT, 0755))) == 0);
    int unlinked = open("unlinked", O_RDONLY | O_CLOEXEC);
    CHECK(unlinked >= 0 && unlink("unlinked") == 0);
    executes(unlinked, "", EMPTY, "an unlinked file");
    int script = open("script", O_RDWR | O_CREAT, 0755);
    CHECK(dprintf(script, "#!/bin/echo script of\n") > 0 && close(script) == 0);
    executes(open("script", O_RDONLY), "", EMPTY, "a script");
    executes(open("script", O_RDONLY | O_CLOEXEC), "", EMPTY, "a script that is closed");
    CHECK(symlink("script", "link") == 0);
    executes(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, "a link not followed");
    executes(bin, "", EMPTY, "a directory");
    executes(999, "", EMPTY, "no descriptor");
    executes(plain, "", 0, "no path");
    CHECK(unlink("link") == 0 && unlink("script") == 0);
    return 0;
}
