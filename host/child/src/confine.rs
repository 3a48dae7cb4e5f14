//! The confinement of a child: the rights that it gives up before it reads the first byte of a request.

use forgeport_platform::{
    process::{close_inherited, end_with_parent},
    resource::Resource,
};
use std::{io, os::fd::RawFd, time::Duration};

/// Standard input (the socket), output and error.
const STANDARD: RawFd = 3;

pub(crate) fn confine(memory: u64, computing: Duration) -> io::Result<()> {
    end_with_parent()?;
    // SAFETY: nothing in this process has opened anything yet.
    unsafe { close_inherited(STANDARD) }?;
    Resource::CoreFile.set_limit(0, 0)?;
    Resource::FileSize.set_limit(0, 0)?;
    Resource::OpenFiles.set_limit(STANDARD as u64, STANDARD as u64)?;
    Resource::AddressSpace.set_limit(memory, memory)?;
    // The first of the two sends a signal that tells why; the second kills.
    Resource::Computing.set_limit(computing.as_secs(), computing.as_secs() + 1)?;
    #[cfg(target_os = "linux")]
    filter::apply()?;
    Ok(())
}

/// The calls of the system that remain. Everything else fails with "not permitted".
#[cfg(target_os = "linux")]
mod filter {
    use libc::{
        SYS_brk, SYS_clock_gettime, SYS_clock_nanosleep, SYS_clone, SYS_clone3, SYS_close, SYS_exit, SYS_exit_group,
        SYS_futex, SYS_getpid, SYS_getrandom, SYS_gettid, SYS_madvise, SYS_mmap, SYS_mprotect, SYS_mremap, SYS_munmap,
        SYS_nanosleep, SYS_read, SYS_restart_syscall, SYS_rseq, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
        SYS_sched_getaffinity, SYS_sched_yield, SYS_set_robust_list, SYS_sigaltstack, SYS_tgkill, SYS_write,
        SYS_writev,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        TargetArch, apply_filter,
    };
    use std::{collections::BTreeMap, io};

    /// Memory, threads, time, the socket and standard error, and the end.
    const ALLOWED: [i64; 29] = [
        SYS_brk,
        SYS_clock_gettime,
        SYS_clock_nanosleep,
        // Unknown already, and what is answered is the later filter's word if it is refused here as well.
        SYS_clone3,
        SYS_close,
        SYS_exit,
        SYS_exit_group,
        SYS_futex,
        SYS_getpid,
        SYS_getrandom,
        SYS_gettid,
        SYS_madvise,
        SYS_mmap,
        SYS_mprotect,
        SYS_mremap,
        SYS_munmap,
        SYS_nanosleep,
        SYS_read,
        SYS_restart_syscall,
        SYS_rseq,
        SYS_rt_sigaction,
        SYS_rt_sigprocmask,
        SYS_rt_sigreturn,
        SYS_sched_getaffinity,
        SYS_sched_yield,
        SYS_set_robust_list,
        SYS_sigaltstack,
        SYS_write,
        SYS_writev,
    ];

    pub(super) fn apply() -> io::Result<()> {
        // Its flags are in memory, where no filter can look. The C library takes `clone` where the system does not know it. This one
        // comes first, as installing needs calls that the other forbids.
        let unknown = BTreeMap::from([(SYS_clone3, Vec::new())]);
        install(unknown, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?;
        let mut allowed: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
        // Threads, and no processes: a process could outlive this one.
        let thread = libc::CLONE_THREAD as u64;
        allowed.insert(SYS_clone, vec![only(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
        // How `abort` ends the process.
        allowed.insert(SYS_tgkill, vec![only(0, SeccompCmpOp::Eq, u64::from(std::process::id()))?]);
        install(allowed, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
    }

    fn only(argument: u8, is: SeccompCmpOp, value: u64) -> io::Result<SeccompRule> {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value);
        SeccompRule::new(vec![condition.map_err(io::Error::other)?]).map_err(io::Error::other)
    }

    fn install(rules: BTreeMap<i64, Vec<SeccompRule>>, others: SeccompAction, these: SeccompAction) -> io::Result<()> {
        let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
        let filter = SeccompFilter::new(rules, others, these, architecture).map_err(io::Error::other)?;
        let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
        // It also sees to it that no program with more rights can be started (`PR_SET_NO_NEW_PRIVS`).
        apply_filter(&program)
            .map_err(|error| io::Error::other(format!("this system does not filter its calls: {error}")))
    }
}
