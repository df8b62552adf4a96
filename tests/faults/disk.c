/* A disk with faults, preloaded into a process; it concerns what lies below $DISK_ROOT.

   A power cut: whenever the process flushes a file, its content is copied to $DISK_SHADOW/inodes/<inode>, and a line
   "<d or f> <inode> <name>" is added to $DISK_SHADOW/names/<inode of its folder>; flushing a folder notes the names of
   all that it holds then. A test that has killed the process puts the folder together again from the shadow: that is
   what a disk would hold after the power went.

   A full disk: while the file $DISK_FULL exists, every write fails for want of space. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int below_root(const char *path) {
    const char *root = getenv("DISK_ROOT");
    return root && strncmp(path, root, strlen(root)) == 0;
}

static void copy_content(int from, unsigned long inode) {
    char target[PATH_MAX], temporary[PATH_MAX], buffer[1 << 16];
    snprintf(target, sizeof target, "%s/inodes/%lu", getenv("DISK_SHADOW"), inode);
    snprintf(temporary, sizeof temporary, "%s/inodes/%lu.part", getenv("DISK_SHADOW"), inode);
    int to = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    off_t offset = 0;
    ssize_t size;
    while ((size = pread(from, buffer, sizeof buffer, offset)) > 0) {
        if (write(to, buffer, size) != size) abort();
        offset += size;
    }
    close(to);
    rename(temporary, target);
}

static void note_name(unsigned long folder, char kind, unsigned long inode, const char *name, const char *mode) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/names/%lu", getenv("DISK_SHADOW"), folder);
    FILE *names = fopen(path, mode);
    if (!names) abort();
    if (name) fprintf(names, "%c %lu %s\n", kind, inode, name);
    fclose(names);
}

static void flush_folder(const char *path, unsigned long inode) {
    DIR *folder = opendir(path);
    struct dirent *entry;
    note_name(inode, 'd', 0, NULL, "w");
    while (folder && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            note_name(inode, entry->d_type == DT_DIR ? 'd' : 'f', entry->d_ino, entry->d_name, "a");
    if (folder) closedir(folder);
}

static void flush_file(const char *path, unsigned long inode) {
    char folder[PATH_MAX];
    struct stat about;
    snprintf(folder, sizeof folder, "%s", path);
    char *name = strrchr(folder, '/');
    *name++ = 0;
    int from = open(path, O_RDONLY);
    if (from >= 0) {
        copy_content(from, inode);
        close(from);
    }
    if (stat(folder, &about) == 0) note_name(about.st_ino, 'f', inode, name, "a");
}

static int path_of(int descriptor, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = 0;
    return below_root(path);
}

static void flushed(int descriptor) {
    char path[PATH_MAX];
    struct stat about;
    if (!getenv("DISK_SHADOW") || !path_of(descriptor, path) || fstat(descriptor, &about) != 0) return;
    pthread_mutex_lock(&lock);
    if (S_ISDIR(about.st_mode)) flush_folder(path, about.st_ino);
    else flush_file(path, about.st_ino);
    pthread_mutex_unlock(&lock);
}

int fsync(int descriptor) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    int result = real(descriptor);
    if (result == 0) flushed(descriptor);
    return result;
}

int fdatasync(int descriptor) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    int result = real(descriptor);
    if (result == 0) flushed(descriptor);
    return result;
}

static int is_full(int descriptor) {
    char path[PATH_MAX];
    const char *mark = getenv("DISK_FULL");
    if (!mark || access(mark, F_OK) != 0 || !path_of(descriptor, path)) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int descriptor, const void *data, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    return is_full(descriptor) ? -1 : real(descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
    return is_full(descriptor) ? -1 : real(descriptor, data, size, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    return is_full(descriptor) ? -1 : real(descriptor, data, size, offset);
}
