//! The child's side: the first call in `main`. In a child it serves and does not return.

use crate::{Bounds, confine};
use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::fd::AsFd,
    time::Duration,
};

/// The program's first argument in a child. No person would write it.
pub(crate) const ARGUMENT: &str = "forgeport-child";

/// What a child can be asked to do, by its name: it makes an answer of a request.
pub type Job = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Makes this process a child if it was started as one, and does not return then. To be called before anything else.
pub fn serve(jobs: &[Job]) {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|argument| argument != ARGUMENT) {
        return;
    }
    let served = confined(jobs, &arguments.collect::<Vec<_>>()).and_then(|(_, work)| answer_all(*work));
    if let Err(error) = &served {
        // That standard error is closed can be reported nowhere.
        let _ = writeln!(io::stderr(), "{error}");
    }
    std::process::exit(i32::from(served.is_err()));
}

/// The arguments as the parent gives them.
pub(crate) fn arguments(job: &str, bounds: &Bounds) -> [String; 4] {
    [ARGUMENT.to_owned(), job.to_owned(), bounds.memory.to_string(), bounds.computing.as_secs().to_string()]
}

fn confined<'jobs>(jobs: &'jobs [Job], arguments: &[OsString]) -> io::Result<&'jobs Job> {
    let unknown = || io::Error::other("only Forgeport itself starts it like this");
    let texts: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let [name, memory, computing] = texts[..] else { return Err(unknown()) };
    let number = |text: &str| text.parse::<u64>().map_err(|_| unknown());
    let job = jobs.iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
    confine::confine(number(memory)?, Duration::from_secs(number(computing)?))?;
    Ok(job)
}

/// Answers each request until there are no more.
fn answer_all(work: fn(&[u8]) -> Vec<u8>) -> io::Result<()> {
    while let Some(request) = receive()? {
        let answer = work(&request);
        Socket.write_all(&(answer.len() as u64).to_le_bytes())?;
        Socket.write_all(&answer)?;
    }
    Ok(())
}

/// A message is its length in eight bytes, the lowest first, and its bytes.
fn receive() -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    match Socket.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = u64::from_le_bytes(length);
    let mut request = Vec::new();
    let is_whole = Socket.take(length).read_to_end(&mut request)? as u64 == length;
    if is_whole { Ok(Some(request)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Standard input, which is the socket; without the buffer that `std::io::stdin` has.
struct Socket;

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(io::stdin().as_fd(), buffer)?)
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(io::stdin().as_fd(), buffer)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
