//! The limits that the system enforces on a process (`getrlimit`, `setrlimit`), and the CPU time of a thread.

use std::io;
use std::time::Duration;

use rustix::process::{Resource as System, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Something that the system limits for each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of the file that a crash leaves (core(5)).
    CoreFile,
    /// Bytes of a file that is written.
    FileSize,
    /// Descriptors that are open at the same time.
    OpenFiles,
    /// Bytes of addresses: everything that is in memory, and what is reserved. macOS does not enforce it.
    AddressSpace,
    /// Seconds that all threads compute together. At the limit comes a signal ([`COMPUTING_SIGNAL`]), at the maximum the end.
    Computing,
}

/// The signal by which a process ends that has computed for too long.
pub const COMPUTING_SIGNAL: i32 = rustix::process::Signal::XCPU.as_raw();

impl Resource {
    fn system(self) -> System {
        match self {
            Self::CoreFile => System::Core,
            Self::FileSize => System::Fsize,
            Self::OpenFiles => System::Nofile,
            Self::AddressSpace => System::As,
            Self::Computing => System::Cpu,
        }
    }

    /// The limit of this process; none where there is no limit.
    pub fn limit(self) -> Option<u64> {
        getrlimit(self.system()).current
    }

    /// Limits this process and those that it starts. The maximum cannot be raised again.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn set_limit(self, limit: u64, maximum: u64) -> io::Result<()> {
        Ok(setrlimit(self.system(), Rlimit { current: Some(limit), maximum: Some(maximum) })?)
    }
}

/// The time for which this thread has computed.
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // It counts from the thread's beginning, and is never negative.
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_set_is_the_limit_of_the_process() {
        // The only one that no other test can meet.
        Resource::CoreFile.set_limit(0, 0).unwrap();
        assert_eq!(Resource::CoreFile.limit(), Some(0));
        assert!(Resource::OpenFiles.limit().is_none_or(|files| files > 0));
    }

    #[test]
    fn a_thread_is_charged_for_what_it_computes_and_not_for_its_waits() {
        let begin = thread_cpu_time();
        std::thread::sleep(Duration::from_millis(50));
        assert!(thread_cpu_time() - begin < Duration::from_millis(50));
        while thread_cpu_time() - begin < Duration::from_millis(10) {
            std::hint::spin_loop();
        }
        // Another thread has a clock of its own.
        assert!(std::thread::spawn(thread_cpu_time).join().unwrap() < thread_cpu_time());
    }
}
