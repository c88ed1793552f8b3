//! A clock that is wrong: a small library that shifts `clock_gettime(CLOCK_REALTIME)` of one process.
use std::path::PathBuf;
use std::sync::LazyLock;

use tokio::process::Command;

/// A shift of the wall clock, from the n-th time on that it is asked for, and back again at another time.
#[derive(Clone, Debug)]
pub struct Jump {
    /// Seconds.
    pub seconds: i64,
    /// From this look at the clock on.
    pub from: u32,
    /// Until this one.
    pub until: u32,
}

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
static unsigned looks;
static long number(const char *name) { const char *text = getenv(name); return text ? atol(text) : 0; }
int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int said = real(clock, at);
    if (said == 0 && clock == CLOCK_REALTIME) {
        long look = __atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED);
        if (look >= number("SHIFT_FROM") && look < number("SHIFT_UNTIL")) at->tv_sec += number("SHIFT_SECONDS");
    }
    return said;
}
"#;

/// The library, compiled once.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (source, library) = (folder.join("clock.c"), folder.join(format!("clock-{}.so", std::process::id())));
    std::fs::write(&source, SOURCE).unwrap();
    let mut compile = std::process::Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl");
    let done = compile.output().unwrap();
    assert!(done.status.success(), "the clock's library: {}", String::from_utf8_lossy(&done.stderr));
    library
});

impl Jump {
    /// Gives the clock to a process that is about to start.
    pub fn apply(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &*LIBRARY)
            .env("SHIFT_SECONDS", self.seconds.to_string())
            .env("SHIFT_FROM", self.from.to_string())
            .env("SHIFT_UNTIL", self.until.to_string());
    }
}
