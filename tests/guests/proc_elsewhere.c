// What /proc shows of a program, found by other ways than its usual path: relative to descriptors, mounted elsewhere,
// and with nothing at the usual place.
#include "guest.h"
#include <dirent.h>
#include <sys/mount.h>
#define START 0x550000000000ul
#define END 0x554000000000ul
static char name[] = "/tmp/proc_elsewhereXXXXXX";
static const char *last(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
// What lies in a place where nothing of a program does.
static void look_at_mappings(int fd) {
    static char line[4096];
    CHECK(fd >= 0);
    FILE *file = fdopen(fd, "r");
    int strange = 0, stack = 0, headers = 0, details = 0;
    while (fgets(line, sizeof line, file)) {
        unsigned long from = 0, to = 0;
        if (sscanf(line, "%lx-%lx ", &from, &to) != 2) details = 1;
        else headers++;
        if (from >= START && from < END) strange++;
        stack += strstr(line, "[stack]") != NULL;
    }
    fclose(file);
    printf("  mappings: %d strange, stack %d, %s, details %d\n", strange, stack, headers > 5 ? "many" : "few", details);
}
static void look(const char *proc) {
    char place[200], link[300] = "";
    printf("%s\n", strcmp(proc, name) ? proc : "elsewhere");
    int root = open(proc, O_RDONLY | O_DIRECTORY), self = openat(root, "self", O_RDONLY | O_DIRECTORY);
    if (self < 0) {
        printf("  not there: %d\n", errno);
        close(root);
        return;
    }
    look_at_mappings(openat(root, "self/maps", O_RDONLY));
    look_at_mappings(openat(self, "maps", O_RDONLY));
    look_at_mappings(openat(self, "smaps", O_RDONLY));
    snprintf(place, sizeof place, "%s/%d/task/%d/maps", proc, getpid(), getpid());
    look_at_mappings(open(place, O_RDONLY | O_CLOEXEC));
    CHECK(readlinkat(self, "exe", link, sizeof link - 1) > 0);
    printf("  link: %s\n", last(link));
    struct stat by_link, by_name, by_descriptor;
    CHECK(fstatat(self, "exe", &by_link, 0) == 0 && stat(link, &by_name) == 0);
    int file = openat(self, "exe", O_RDONLY);
    CHECK(file >= 0 && fstat(file, &by_descriptor) == 0);
    printf("  same: %d, %d\n", by_link.st_ino == by_name.st_ino, by_descriptor.st_ino == by_name.st_ino);
    snprintf(place, sizeof place, "%s/self/exe", proc);
    memset(link, 0, sizeof link);
    CHECK(readlink(place, link, sizeof link - 1) > 0);
    printf("  link: %s, access %d\n", last(link), access(place, X_OK));
    int count = 0;
    DIR *directory = fdopendir(openat(self, "fd", O_RDONLY | O_DIRECTORY));
    while (readdir(directory)) count++;
    closedir(directory);
    printf("  descriptors: %d\n", count);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execl(place, "again", "child", NULL);
        _exit(errno);
    }
    printf("  executed: %d\n", WEXITSTATUS(wait_status(child)));
    child = fork();
    if (child == 0) {
        char *arguments[] = {"again", "child", NULL};
        syscall(SYS_execveat, file, "", arguments, environ, AT_EMPTY_PATH);
        _exit(errno);
    }
    printf("  executed: %d\n", WEXITSTATUS(wait_status(child)));
    close(root), close(self), close(file);
}
int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return 41;
    look("/proc");
    // One's own mounts, where they may be made.
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 0;
    CHECK(mkdtemp(name));
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("/proc", name, NULL, MS_BIND | MS_REC, NULL) == 0) {
        look(name);
        // Hidden by something else: there is nothing at the usual place any more.
        if (mount("none", "/proc", "tmpfs", 0, NULL) == 0) look(name), look("/proc");
        umount2("/proc", MNT_DETACH);
        umount2(name, MNT_DETACH);
    }
    rmdir(name);
    return 0;
}
