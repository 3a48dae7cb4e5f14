//! Libraries that are loaded before the C library, and make a system of another kind of it: another clock, a file system of a cluster.

use crate::scene::Scene;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

/// A clock that differs by `CLOCK_OFFSET` seconds.
pub const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    const char *offset = getenv("CLOCK_OFFSET");
    if (result == 0 && clock == CLOCK_REALTIME && offset) time->tv_sec += atol(offset);
    return result;
}
"#;

/// A mount on a cluster: no locks on the memory that a write-ahead log's users share, and no mapping of it. Who tries it all the same is
/// told to the file `REFUSED`.
pub const CLUSTER: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int shared(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 4 || strncmp(path + length - 4, "-shm", 4) != 0) return 0;
    FILE *told = fopen(getenv("REFUSED"), "a");
    if (told) { fputs("refused\n", told); fclose(told); }
    return 1;
}

static int control(const char *name, int file, int command, void *argument) {
    int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
    if ((command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK) && shared(file)) {
        errno = ENOLCK;
        return -1;
    }
    return real(file, command, argument);
}

#define FCNTL(name) \
    int name(int file, int command, ...) { \
        va_list arguments; \
        va_start(arguments, command); \
        void *argument = va_arg(arguments, void *); \
        va_end(arguments); \
        return control(#name, file, command, argument); \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

#define MMAP(name, offset_type) \
    void *name(void *address, size_t length, int protection, int flags, int file, offset_type offset) { \
        void *(*real)(void *, size_t, int, int, int, offset_type) = dlsym(RTLD_NEXT, #name); \
        if (file >= 0 && (flags & MAP_SHARED) && shared(file)) { \
            errno = ENODEV; \
            return MAP_FAILED; \
        } \
        return real(address, length, protection, flags, file, offset); \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)
"#;

/// Builds a library in the scene, with the C compiler that SQLite is built with.
pub fn library(scene: &Scene, name: &str, source: &str) -> PathBuf {
    let (from, to) = (scene.path(&format!("{name}.c")), scene.path(&format!("{name}.so")));
    fs::write(&from, source).unwrap();
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&to).arg(&from).arg("-ldl").stdin(Stdio::null());
    let built = compiler.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    to
}
